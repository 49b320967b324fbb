"""From YAML to the API: what it takes to believe, windows, parents, repeats; by a real agent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.host import needs
from tests.processes.agent_process import PATIENT, AgentProcess, agent_process
from tests.service.test_whole_way import told
from tests.stand_ins.api import ApiStandIn

AGENT = """
agent:
  hostname: web-1
  maintenance:
    - {cron: "* * * * *", duration: 2m, select: "env=test", reason: a test host}
  events: {endpoint: {url}, api_key: "${env:HOSTVIGIL_TEST_KEY}", rate_limit: 600/min}
"""

CHECKS = """
defaults: {interval: 1s, timeout: 900ms, flapping: false, fail_after: {nodata: 99}}
checks:
  lasting: {flag, for: 3s}
  blip: {flag, for: 3s}
  share: {counted, fail_after: 2 of 3}
  row: {counted, fail_after: 2}
  router: {flag}
  web: {flag, depends_on: router}
  patched: {flag, maintenance: {cron: "* * * * *", duration: 2m, reason: patches}}
  chosen: {flag, tags: {env: test}}
"""
FLAG = "type: script, command: [sh, -c, 'test ! -e {folder}/{name} || exit 2']"
COUNTED = (  # ok, bad, ok, bad, and then ok for ever
    "type: script, command: [sh, -c, 'echo >> {folder}/{name}; case $(wc -l < {folder}/{name}) in 2|4) exit 2;; esac']"
)


def written_out(folder: Path) -> str:
    """Write the commands of the checks in full."""
    lines = []
    for line in CHECKS.splitlines():
        full = line.replace("{flag", f"{{{FLAG}").replace("{counted", f"{{{COUNTED}")
        lines.append(full.replace("{folder}", str(folder)).replace("{name}", line.split(":")[0].strip()))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def api() -> Iterator[ApiStandIn]:
    with ApiStandIn() as api:
        yield api


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agent")


@pytest.fixture(scope="module")
def agent(folder: Path, api: ApiStandIn) -> Iterator[AgentProcess]:
    """One agent for all tests of this file: each has its own checks."""
    with agent_process(folder, {"HOSTVIGIL_TEST_KEY": api.key}) as agent:
        agent.write("00-agent.yaml", AGENT.replace("{url}", api.url))
        agent.write("checks.yaml", written_out(folder))
        assert agent.call("validate").returncode == 0, agent.call("validate").stdout
        agent.start()
        agent.wait_until(lambda: len(seen(agent)) == 9, "a first result of each, and of the agent's own check")
        yield agent


def seen(agent: AgentProcess) -> dict[str, dict[str, Any]]:
    return {line["check"]: line for line in agent.status()["checks"]}


def events_of(api: ApiStandIn, check: str) -> list[dict[str, Any]]:
    return [event for event in told(api) if event["customTags"].get("check_name") == check]


def wait_for_events(api: ApiStandIn, check: str, count: int) -> list[dict[str, Any]]:
    api.wait_until(lambda: len(events_of(api, check)) >= count, 60, f"{count} events of {check}")
    return events_of(api, check)


def test_a_problem_is_told_once_it_has_lasted(agent: AgentProcess, api: ApiStandIn, folder: Path) -> None:
    began = time.time() * 1000
    (folder / "blip").touch()
    (folder / "lasting").touch()
    agent.wait_until(lambda: seen(agent)["blip"]["last_status"] == "critical", "a bad result")
    (folder / "blip").unlink()
    event = wait_for_events(api, "lasting", 1)[0]
    assert event["status"] == "critical"
    assert event["date"] >= began + 3000
    agent.wait_until(lambda: seen(agent)["blip"]["last_status"] == "ok", "a good result")
    assert events_of(api, "blip") == []


def test_two_bad_results_of_three_are_enough_and_two_in_a_row_are_more(agent: AgentProcess, api: ApiStandIn) -> None:
    assert [event["status"] for event in wait_for_events(api, "share", 2)] == ["critical", "ok"]
    assert events_of(api, "row") == []


def test_a_child_is_told_when_its_parent_is_back(agent: AgentProcess, api: ApiStandIn, folder: Path) -> None:
    (folder / "router").touch()
    wait_for_events(api, "router", 1)
    (folder / "web").touch()
    agent.wait_until(lambda: seen(agent)["web"]["status"] == "critical", "a decided problem of the child")
    assert "depends on router, which is critical" in agent.call("explain", "web").stdout
    assert events_of(api, "web") == []
    (folder / "router").unlink()
    child = wait_for_events(api, "web", 1)[0]  # the more urgent one may well arrive first
    parent = wait_for_events(api, "router", 2)[1]
    assert [parent["status"], child["status"]] == ["ok", "critical"]
    assert parent["date"] <= child["date"]


@pytest.mark.parametrize(
    ("check", "why", "old", "new"),
    [
        ("patched", "patches", "checks.yaml", 'maintenance: {cron: "* * * * *", duration: 2m, reason: patches}'),
        ("chosen", "a test host", "00-agent.yaml", 'select: "env=test"'),
    ],
    ids=["of the check", "of the agent, for a tag"],
)
def test_nothing_is_told_while_a_window_is_open_and_what_is_true_when_it_ends(
    agent: AgentProcess, api: ApiStandIn, folder: Path, check: str, why: str, old: str, new: str
) -> None:
    (folder / check).touch()
    agent.wait_until(lambda: seen(agent)[check]["status"] == "critical", "a decided problem")
    explained = agent.call("explain", check).stdout
    assert "maintenance until" in explained
    assert why in explained
    assert events_of(api, check) == []
    text = (agent.config / old).read_text()
    agent.write(old, text.replace(new, "maintenance: []" if check == "patched" else 'select: "env=other"'))
    assert agent.call("reload").returncode == 0
    assert wait_for_events(api, check, 1)[0]["status"] == "critical"


def test_a_problem_that_lasts_is_told_again(tmp_path: Path) -> None:
    library = needs.file("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "libfaketime")
    clock = tmp_path / "clock"
    clock.write_text("+0")
    shifted = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with ApiStandIn() as api, agent_process(tmp_path, {"HOSTVIGIL_TEST_KEY": api.key, **shifted}) as agent:
        agent.write("00-agent.yaml", AGENT.replace("{url}", api.url))
        agent.write(
            "down.yaml",
            "checks: {down: {type: script, command: [sh, -c, exit 2], interval: 1s, repeat_every: 1m, "
            + PATIENT
            + "}}",
        )
        agent.start()
        first = wait_for_events(api, "down", 1)[0]
        clock.write_text("+61")
        second = wait_for_events(api, "down", 2)[1]
        clock.write_text("+190")
        third = wait_for_events(api, "down", 3)[2]
    assert [event["status"] for event in (first, second, third)] == ["critical"] * 3
    assert "told again (1. repetition)" in second["message"]
    assert len({event["customTags"]["incident_id"] for event in (first, second, third)}) == 1
    assert third["date"] - second["date"] >= 120_000
