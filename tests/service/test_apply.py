"""One apply: a change of the configuration reaches every part of the agent, and a new key without being asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config.diff import renew_secrets
from agent.config.settings import AgentSettings, Config, EventsSettings, Place, Problem
from agent.engine.self_check import configuration_outcomes
from agent.model import Status
from tests.processes.agent_process import PATIENT, AgentProcess, agent_process
from tests.stand_ins.api import ApiStandIn


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path) as agent:
        yield agent


def settings_of(agent: AgentProcess, api: ApiStandIn, more: str) -> None:
    (agent.config.parent / "key").write_text(api.key)
    agent.write(
        "00-agent.yaml",
        f"agent:\n  {more}\n  events: {{endpoint: '{api.url}', api_key: '${{file:../key}}', rate_limit: 600/min, "
        "start_stop: true}\n",
    )


def flag(agent: AgentProcess) -> Path:
    path = agent.config.parent / "flag"
    command = f"[sh, -c, 'test ! -e {path} || exit 2']"
    agent.write("flag.yaml", f"checks:\n  flag: {{type: script, command: {command}, interval: 1s, {PATIENT}}}\n")
    return path


def of_check(api: ApiStandIn, name: str) -> list[dict[str, Any]]:
    return [event["customTags"] for event in api.accepted if event["customTags"]["check_name"] == name]


def test_a_new_name_and_new_tags_reach_every_part_by_a_reload(agent: AgentProcess, api: ApiStandIn) -> None:
    settings_of(agent, api, "hostname: old\n  tags: {env: before}")
    up = flag(agent)
    agent.start()
    api.wait_until(lambda: of_check(api, "hostvigil"), 20, "the start")
    settings_of(agent, api, "hostname: new\n  tags: {env: after}")
    assert agent.call("reload").returncode == 0
    up.touch()
    api.wait_until(lambda: of_check(api, "flag"), 20, "the check's event")
    agent.stop()
    first, last = of_check(api, "hostvigil")[0], of_check(api, "hostvigil")[-1]
    assert (first["host"], first["env"]) == ("old", "before")
    assert (last["host"], last["env"], last["subject"]) == ("new", "after", "agent")
    assert (of_check(api, "flag")[0]["host"], of_check(api, "flag")[0]["env"]) == ("new", "after")


def test_a_key_that_is_refused_is_read_again_without_a_reload(agent: AgentProcess, api: ApiStandIn) -> None:
    settings_of(agent, api, "hostname: web")
    up = flag(agent)
    agent.start()
    api.wait_until(lambda: of_check(api, "hostvigil"), 20, "the start")
    api.key = "ak_stand_in_9876543210"
    (agent.config.parent / "key").write_text(api.key)
    up.touch()
    api.wait_until(lambda: of_check(api, "flag"), 20, "the event with the new key")
    assert "a key was refused and has changed since it was read" in agent.output()
    assert api.key not in agent.output()


def test_an_incident_ends_on_the_host_where_it_began_and_the_next_one_has_the_new_name(
    agent: AgentProcess, api: ApiStandIn
) -> None:
    settings_of(agent, api, "hostname: old")
    up = flag(agent)
    up.touch()
    agent.start()
    api.wait_until(lambda: of_check(api, "flag"), 20, "the problem")
    settings_of(agent, api, "hostname: new")
    assert agent.call("reload").returncode == 0
    assert agent.stop() == 0
    agent.start()
    up.unlink()
    api.wait_until(lambda: len(of_check(api, "flag")) == 2, 20, "its end")
    up.touch()
    api.wait_until(lambda: len(of_check(api, "flag")) == 3, 20, "the next problem")
    assert [tags["host"] for tags in of_check(api, "flag")] == ["old", "old", "new"]
    began, ended, again = (tags["incident_id"] for tags in of_check(api, "flag"))
    assert began == ended != again


def at_work(**events: Any) -> Config:
    settings = EventsSettings(endpoint="https://a.example", api_key="old", **events)
    return Config(AgentSettings(hostname="h", events=settings), secrets=frozenset(("old",)))


def changed(config: Config, **events: Any) -> Config:
    fresh = msgspec.structs.replace(config.agent.events, **events)
    agent = msgspec.structs.replace(config.agent, hostname="other", events=fresh)
    return Config(agent, secrets=frozenset((fresh.api_key,)))


def test_only_the_key_is_renewed_and_both_stay_hidden() -> None:
    now = renew_secrets(at_work(), changed(at_work(), api_key="new", digest_above=3))
    assert (now.agent.events.api_key, now.agent.events.digest_above, now.agent.hostname) == ("new", 10, "h")
    assert now.secrets == {"old", "new"}


def test_a_key_is_not_sent_where_it_was_not_written_for() -> None:
    old = at_work()
    assert renew_secrets(old, changed(old, api_key="new", endpoint="https://b.example")) is old


def test_a_key_out_of_settings_that_cannot_be_read_is_none() -> None:
    old = at_work()
    fresh = changed(old, api_key="")
    problem = Problem(Place("a.yaml"), "cannot be read", agent=True)
    assert renew_secrets(old, msgspec.structs.replace(fresh, problems=(problem,))) is old


def test_the_agents_own_check_does_not_say_that_all_is_well_beside_a_broken_check() -> None:
    problem = Problem(Place("a.yaml"), "unknown setting", "web")
    own, web = configuration_outcomes(Config(problems=(problem,)), 0)
    assert (own.results[0].status, own.results[0].summary) == (Status.OK, "no problems but of single checks: web")
    assert web.results[0].status is Status.NODATA
    (fine,) = configuration_outcomes(Config(), 0)
    assert fine.results[0].summary == "no problems"
