"""hostvigil test-event: says whether endpoint and key are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.agent_process import AgentProcess, agent_process
from tests.stand_ins.api import ApiStandIn
from tests.stand_ins.web_service import WebService


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path) as agent:
        yield agent


def endpoint(agent: AgentProcess, url: str, key: str) -> None:
    agent.write("00-agent.yaml", f"agent:\n  hostname: web-1\n  events: {{endpoint: {url}, api_key: {key}}}\n")
    agent.write("one.yaml", "checks:\n  one: {type: script, command: [true]}\n")


def test_a_right_key_gets_one_info_event_to_the_api(agent: AgentProcess, api: ApiStandIn) -> None:
    endpoint(agent, api.url, api.key)
    done = agent.call("test-event")
    assert (done.returncode, done.stderr) == (0, "")
    assert "took the event" in done.stdout
    (event,) = api.accepted
    assert (event["status"], event["customTags"]["host"]) == ("info", "web-1")
    assert api.rejections == []


def test_a_wrong_key_is_said_with_what_to_do(agent: AgentProcess, api: ApiStandIn) -> None:
    endpoint(agent, api.url, "the_secret_instead")
    done = agent.call("test-event")
    assert done.returncode == 1
    assert "not its secret" in done.stdout
    assert "the_secret_instead" not in done.stdout + done.stderr
    assert agent.json("test-event")["verdict"] == "bad key"


def test_without_an_endpoint_it_says_that_there_is_none(agent: AgentProcess) -> None:
    agent.write("one.yaml", "checks:\n  one: {type: script, command: [true]}\n")
    done = agent.call("test-event")
    assert done.returncode == 2
    assert "no agent.events.endpoint" in done.stderr


def test_a_key_that_cannot_be_read_is_named_by_its_place(agent: AgentProcess) -> None:
    endpoint(agent, "https://api.example.com", "'${file:/nowhere/key}'")
    done = agent.call("test-event")
    assert done.returncode == 1
    assert "/nowhere/key" in done.stderr


def webhooks(agent: AgentProcess, *urls: str) -> None:
    hooks = "".join(f"    hook-{at}: {{type: webhook, url: '{url}/hook'}}\n" for at, url in enumerate(urls))
    agent.write("00-agent.yaml", f"agent:\n  destinations:\n{hooks}")
    agent.write("one.yaml", "checks:\n  one: {type: script, command: [true]}\n")


def test_the_only_webhook_is_meant_where_none_is_named(agent: AgentProcess) -> None:
    with WebService() as service:
        webhooks(agent, service.url)
        done = agent.call("test-event")
        assert (done.returncode, done.stderr) == (0, "")
        assert "hook-0 took the event" in done.stdout
        service.answer = lambda post: (200, b'{"errcode": 310000}')
        done = agent.call("test-event", "hook-0")
    assert done.returncode == 1
    assert "hook-0 did not take the event (unavailable): HTTP 200: {" in done.stdout
    assert [post.json["status"] for post in service.posts] == ["info"] * 2


def test_of_several_webhooks_one_is_named(agent: AgentProcess) -> None:
    with WebService() as service:
        webhooks(agent, "http://127.0.0.1:1", service.url)
        assert agent.call("test-event", "hook-1").returncode == 0
        cases = {
            (): "which destination? ",
            ("hook",): "no destination 'hook', ",
            ("events",): "no agent.events.endpoint",
        }
        for words, says in cases.items():
            done = agent.call("test-event", *words)
            assert done.returncode == 2
            assert says in done.stderr
            assert "hostvigil test-event NAME, one of: hook-0, hook-1" in done.stderr
