"""Reloading: what did not change goes on as if nothing had happened, what is wrong stays as it was."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Check
from agent.config.diff import difference, merge
from agent.config.settings import AgentSettings, CheckConfig, Config, Place, Problem, pack
from tests.processes.agent_process import PATIENT, AgentProcess, agent_process
from tests.service.test_whole_way import told, wait_for_told
from tests.stand_ins.api import ApiStandIn


def check(name: str, line: int = 1, type_: str = "script", **settings: Any) -> CheckConfig:
    place = Place("a.yaml", line)
    return CheckConfig(name, type_, Check(), place, packed_places=pack({"type": place}), **settings)


def config(*checks: CheckConfig, problems: tuple[Problem, ...] = (), host: str = "h") -> Config:
    return Config(AgentSettings(hostname=host), {one.name: one for one in checks}, problems)


def test_a_check_that_only_moved_within_its_file_is_unchanged() -> None:
    change = difference({"web": check("web")}, {"web": check("web", line=9)})
    assert (change.added, change.changed, change.removed) == ({}, {}, frozenset())


def test_added_changed_and_removed_checks_are_told_apart() -> None:
    old = {"a": check("a"), "b": check("b"), "c": check("c")}
    new = {"b": check("b", interval=5.0), "c": check("c"), "d": check("d")}
    change = difference(old, new)
    assert (set(change.added), set(change.changed), change.removed) == ({"d"}, {"b"}, frozenset({"a"}))


def test_another_type_under_the_same_name_is_another_check() -> None:
    change = difference({"a": check("a")}, {"a": check("a", type_="http")})
    assert (set(change.added), set(change.changed), change.removed) == ({"a"}, set(), frozenset({"a"}))


def test_a_check_written_wrong_stays_as_it_was() -> None:
    problem = Problem(Place("a.yaml", 3), "unknown setting", "web")
    now = merge(config(check("web"), check("db")), config(check("db"), problems=(problem,), host="new"))
    assert set(now.checks) == {"web", "db"}
    assert now.agent.hostname == "new"


def test_a_file_that_cannot_be_understood_removes_nothing_and_keeps_the_agents_settings() -> None:
    problem = Problem(Place("b.yaml", 3), "not YAML", agent=True)
    now = merge(config(check("web")), config(check("db"), problems=(problem,), host=""))
    assert set(now.checks) == {"web", "db"}
    assert now.agent.hostname == "h"


def test_the_agents_settings_are_taken_over_where_only_the_checks_of_a_file_are_in_doubt() -> None:
    problem = Problem(Place("b.yaml", 3), "checks: must be a mapping")
    now = merge(config(check("web"), host="old"), config(check("db"), problems=(problem,), host="new"))
    assert set(now.checks) == {"web", "db"}
    assert now.agent.hostname == "new"


# --- for real ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path: Path, api: ApiStandIn) -> Iterator[AgentProcess]:
    with agent_process(tmp_path) as agent:
        agent.write(
            "00-agent.yaml",
            f"agent:\n  events: {{endpoint: '{api.url}', api_key: {api.key}, rate_limit: 600/min}}\n",
        )
        yield agent


def script(name: str, command: str, **settings: str) -> str:
    settings = {"fail_after": "{nodata: 99}"} | settings  # see PATIENT
    more = "".join(f", {key}: {value}" for key, value in settings.items())
    return f"checks:\n  {name}: {{type: script, command: [sh, -c, '{command}'], timeout: 900ms{more}}}\n"


def hangup(agent: AgentProcess) -> None:
    assert agent.process is not None
    agent.process.send_signal(signal.SIGHUP)


def reported(agent: AgentProcess, name: str) -> str:
    return next((line["reported"] for line in agent.status()["checks"] if line["check"] == name), "")


def test_a_new_check_is_run_and_a_removed_one_closes_its_incident(agent: AgentProcess, api: ApiStandIn) -> None:
    agent.write("a.yaml", script("old", "echo down; exit 2", interval="1s"))
    agent.start()
    wait_for_told(api, 1)
    agent.write("a.yaml", script("new", "echo broken; exit 1", interval="1s"))
    assert agent.call("reload").returncode == 0
    wait_for_told(api, 3)
    assert [(event["customTags"]["check_name"], event["status"]) for event in told(api)] == [
        ("old", "critical"),
        ("old", "ok"),
        ("new", "warning"),
    ]
    assert told(api)[0]["customTags"]["incident_id"] == told(api)[1]["customTags"]["incident_id"]


def test_a_broken_file_keeps_the_old_checks_and_is_told_until_it_is_mended(
    agent: AgentProcess, api: ApiStandIn, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    agent.write("a.yaml", script("flag", f"test ! -e {flag} || exit 2", interval="1s"))
    agent.start()
    agent.wait_until(lambda: reported(agent, "flag"), "a first result")
    good = (agent.config / "a.yaml").read_text()
    agent.write("a.yaml", good + "  oops\n")
    assert agent.call("reload").returncode == 1
    wait_for_told(api, 1)
    assert told(api)[0]["status"] == "nodata"
    assert "a.yaml:" in told(api)[0]["title"]
    flag.touch()
    wait_for_told(api, 2)
    assert told(api)[1]["customTags"]["check_name"] == "flag"
    agent.write("a.yaml", good)
    hangup(agent)
    wait_for_told(api, 3)
    assert (told(api)[2]["status"], told(api)[2]["customTags"]["subject"]) == ("ok", "configuration")


def test_a_check_of_another_type_under_an_old_name_begins_anew(agent: AgentProcess, api: ApiStandIn) -> None:
    agent.write("a.yaml", script("one", "exit 2", interval="1s"))
    agent.start()
    wait_for_told(api, 1)
    agent.write("a.yaml", "checks:\n  one: {type: process, name: no-such-program, interval: 1s, " + PATIENT + "}\n")
    hangup(agent)
    wait_for_told(api, 3)
    first, closed, second = told(api)[:3]
    assert [first["status"], closed["status"], second["status"]] == ["critical", "ok", "critical"]
    assert first["customTags"]["incident_id"] == closed["customTags"]["incident_id"]
    assert second["customTags"]["incident_id"] != first["customTags"]["incident_id"]


def test_reloading_over_and_over_neither_starves_a_check_nor_changes_an_event(
    agent: AgentProcess, api: ApiStandIn, tmp_path: Path
) -> None:
    flag, runs = tmp_path / "flag", tmp_path / "runs"
    command = f"echo x >> {runs}; test ! -e {flag} || exit 2"
    agent.write("a.yaml", script("flag", command, interval="1s", fail_after="{critical: 2, nodata: 99}"))
    agent.write("b.yaml", script("slow", f"echo y >> {tmp_path}/slow", interval="3s"))
    agent.start()
    agent.wait_until(lambda: reported(agent, "flag"), "a first result")
    begun, before = time.monotonic(), len(runs.read_text())
    flag.touch()
    for turn in range(40):
        agent.write("b.yaml", script("slow", f"echo y >> {tmp_path}/slow", interval="3s", description=f"turn-{turn}"))
        hangup(agent)
        time.sleep(0.15)
    seconds = time.monotonic() - begun
    wait_for_told(api, 1)
    count = (len(runs.read_text()) - before) // 2
    assert seconds - 2 <= count <= seconds + 2, "an unchanged check keeps its pace"
    slow = len((tmp_path / "slow").read_text()) // 2
    assert slow >= seconds // 3, "a check that changes at each reload is not starved"
    assert slow <= seconds / 3 + 3, "no burst of runs"
    assert [event["status"] for event in told(api)] == ["critical"]


def test_a_run_in_progress_goes_on_over_a_reload(agent: AgentProcess, api: ApiStandIn, tmp_path: Path) -> None:
    started, go = tmp_path / "started", tmp_path / "go"
    command = f"touch {started}; while ! test -e {go}; do sleep 0.05; done; echo done; exit 1"
    agent.write(
        "a.yaml", f"checks:\n  slow: {{type: script, command: [sh, -c, '{command}'], interval: 60s, timeout: 50s}}\n"
    )
    agent.start()
    agent.wait_until(started.exists, "the script's start")
    agent.write("b.yaml", script("other", "true", interval="1s"))
    hangup(agent)
    agent.wait_until(lambda: reported(agent, "other"), "the new check")
    go.touch()
    wait_for_told(api, 1)
    assert told(api)[0]["title"].endswith("done")


def test_a_changed_key_drains_the_backlog(tmp_path: Path) -> None:
    with ApiStandIn() as api, agent_process(tmp_path) as agent:
        events = "agent:\n  events: {{endpoint: '{}', api_key: {}, rate_limit: 600/min}}\n"
        agent.write("00-agent.yaml", events.format(api.url, "wrong-key"))
        agent.write("a.yaml", script("one", "exit 2", interval="1s"))
        agent.start()
        agent.wait_until(lambda: "NO EVENT CAN BE DELIVERED" in agent.output(), "the loud complaint")
        agent.write("00-agent.yaml", events.format(api.url, api.key))
        hangup(agent)
        wait_for_told(api, 1)
        assert msgspec.json.decode(msgspec.json.encode(told(api)[0]))["status"] == "critical"


def test_a_watched_directory_is_taken_over_without_being_asked(
    agent: AgentProcess, api: ApiStandIn, tmp_path: Path
) -> None:
    agent.write("a.yaml", script("one", "true", interval="1s"))
    agent.write("z.yaml", "agent: {watch: true}\n")
    agent.start()
    agent.wait_until(lambda: reported(agent, "one"), "a first result")
    agent.write("b.yaml", script("two", "exit 2", interval="1s"))
    wait_for_told(api, 1)
    (agent.config / "b.yaml").unlink()
    wait_for_told(api, 2)
    assert [event["status"] for event in told(api)] == ["critical", "ok"]
    agent.write("z.yaml", "agent: {watch: false}\n")


def test_a_subject_that_the_settings_no_longer_name_is_closed_and_forgotten(
    agent: AgentProcess, api: ApiStandIn
) -> None:
    drop_in = (
        "checks:\n  d: {{type: disk, path: [{}], warning: null, critical: null, free_critical: {}, interval: 1s}}\n"
    )
    agent.write("a.yaml", drop_in.format("/, /dev/shm", "1000PB"))
    agent.start()
    wait_for_told(api, 2)
    agent.write("a.yaml", drop_in.format("/", "1000PB"))
    hangup(agent)
    wait_for_told(api, 3)
    closed = told(api)[2]
    assert (closed["status"], closed["customTags"]["subject"]) == ("ok", "/dev/shm")
    agent.wait_until(lambda: subjects(agent) == ["/"], "the end of the subject")
    agent.stop(signal.SIGKILL)
    agent.start()
    agent.wait_until(lambda: agent.status()["agent"] and reported(agent, "d"), "the next start")
    assert subjects(agent) == ["/"]
    assert len(told(api)) == 3


def subjects(agent: AgentProcess) -> list[str]:
    return [line.get("subject", "") for line in agent.status()["checks"] if line["check"] == "d"]
