"""What cannot be read is not absent: nothing that is kept for it is thrown away meanwhile."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent.config.known_sender import as_text, with_known
from agent.config.sections.agent import HistorySection
from agent.config.settings import AgentSettings, EventsSettings
from agent.plugin.units import Duration, Size
from tests.processes.agent_process import agent_process
from tests.stand_ins.api import ApiStandIn

BROKEN = {
    "a file": "checks:\n  job: {type: pushed, ttl: 1h\n",
    "a check": "checks:\n  job: {type: pushed, ttl: soon}\n",
    "a section": "cheks:\n  job: {type: pushed, ttl: 1h}\n",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_result_that_is_pushed_for_a_check_that_cannot_be_read_waits_for_it(tmp_path: Path, broken: str) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("other.yaml", "checks:\n  other: {type: pushed, ttl: 1h}\n")
        agent.write("job.yaml", broken)
        agent.start()
        agent.wait_until(lambda: agent.call("report", "other", "ok", "fine").returncode == 0, "a pushed result")
        assert agent.call("report", "job", "critical", "disk full").returncode == 0
        # What waits holds up nothing behind it.
        assert agent.call("report", "other", "warning", "behind").returncode == 0
        agent.wait_until(lambda: "behind" in agent.call("status", "other").stdout, "the one behind it")
        agent.write("job.yaml", "checks:\n  job: {type: pushed, ttl: 1h}\n")
        agent.call("reload")
        agent.wait_until(lambda: "disk full" in agent.call("status", "job").stdout, "the result")
        assert "it is dropped" not in agent.output()


def test_what_waited_in_the_spool_is_not_dropped_at_a_start_with_a_broken_file(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("other.yaml", "checks:\n  other: {type: pushed, ttl: 1h}\n")
        agent.write("job.yaml", "checks:\n  job: {type: pushed, ttl: 1h}\n")
        agent.start()
        agent.wait_until(lambda: agent.call("report", "job", "ok", "fine").returncode == 0, "a pushed result")
        agent.stop()
        assert "when it starts" in agent.call("report", "job", "critical", "disk full").stdout
        agent.write("job.yaml", BROKEN["a file"])
        agent.start()
        agent.wait_until(lambda: not agent.call("report", "other", "ok", "taken").returncode, "a start")
        agent.wait_until(lambda: "taken" in agent.call("status", "other").stdout, "a pushed result")
        agent.write("job.yaml", "checks:\n  job: {type: pushed, ttl: 1h}\n")
        agent.call("reload")
        agent.wait_until(lambda: "disk full" in agent.call("status", "job").stdout, "the result")


def test_an_agent_that_worked_before_starts_with_nothing_but_a_broken_file_and_tells_it(tmp_path: Path) -> None:
    with ApiStandIn() as api, agent_process(tmp_path) as agent:
        good = f"checks:\n  one: {{type: file, path: {tmp_path}/good, interval: 1s}}\n"
        agent.write("agent.yaml", f"agent: {{events: {{endpoint: '{api.url}', api_key: '{api.key}'}}}}\n")
        agent.write("one.yaml", good)
        agent.start()
        api.wait_for(1, seconds=60)
        agent.stop()
        (tmp_path / "good").touch()
        agent.write("one.yaml", good[:-2])
        agent.start()
        api.wait_for(2, seconds=60)
        assert "configuration" in api.accepted[1]["title"]
        assert agent.call("reload").returncode == 1
        agent.write("one.yaml", good)
        assert agent.call("reload").returncode == 0
        api.wait_for(4, seconds=60)
        assert sorted(event["status"] for event in api.accepted) == ["critical", "nodata", "ok", "ok"]


@pytest.mark.parametrize("file", [*BROKEN.values(), "checks: {}\n", ""])
def test_an_agent_that_never_worked_ends_with_what_is_wrong(tmp_path: Path, file: str) -> None:
    with agent_process(tmp_path) as agent:
        agent.write("job.yaml", file)
        agent.start()
        assert agent.process
        if file == BROKEN["a check"]:
            agent.wait_until(lambda: "job" in agent.call("status").stdout, "an agent that says which check is wrong")
        else:
            assert agent.process.wait(60) == 2
            assert str(agent.config) in agent.output()


HISTORIES = [True, False, HistorySection(fine=Duration(99 * 86400.0), hourly=Duration(1e6), most_bytes=Size(10**9))]


@pytest.mark.parametrize("history", HISTORIES)
def test_bounds_that_were_known_hold_where_the_settings_cannot_be_read(history: bool | HistorySection) -> None:
    large = EventsSettings(endpoint="https://a", most_events=900_000, most_bytes=Size(2**40))
    agent = AgentSettings(hostname="web", tags={"a": "b"}, events=large, history=history)
    found = with_known(AgentSettings(), as_text(agent))
    assert (found.hostname, found.tags, found.history) == ("web", {"a": "b"}, history)
    assert (found.events.most_events, found.events.most_bytes, found.events.endpoint) == (900_000, 2**40, "")


def test_smaller_bounds_throw_nothing_away_before_they_are_read() -> None:
    small = AgentSettings(events=EventsSettings(most_events=1000, most_bytes=Size(16 * 2**20)))
    assert with_known(AgentSettings(), as_text(small)).events == EventsSettings()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"hostname": 1}', '{"hostname": "a", "tags": {}, "history": [1]}'])
def test_a_damaged_memory_of_the_settings_is_none(text: str) -> None:
    assert with_known(AgentSettings(), text) == AgentSettings()


def test_what_an_older_version_kept_is_understood() -> None:
    text = msgspec.json.encode({"hostname": "web", "tags": {}}).decode()
    assert with_known(AgentSettings(), text) == AgentSettings(hostname="web", history=True)
