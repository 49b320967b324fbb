"""What the commands print: pure pages, and the commands themselves beside a real agent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli.check import text
from agent.cli.explain import explained
from agent.cli.status import page, told
from agent.model import EventStatus, Metric, Outcome, Policy, Reason, Result, State, Status
from agent.store import Backlog, Holder, LastRun
from tests.agent_process import AgentProcess, agent_process

NOW = 10_000_000
MINUTE = 60_000


def lines(*states: State, runs: tuple[LastRun, ...] = (), at_work: bool = True) -> list[str]:
    holder = Holder(42, NOW - 5 * MINUTE) if at_work else None
    return page(told(list(states), list(runs)), {"events": Backlog(0, 0, 0)}, holder, NOW, colour=False)


def run(check: str, status: Status, summary: str) -> LastRun:
    return LastRun(check, "", Result(status, summary), NOW - 1000, 0.1, NOW + 30_000)


def test_the_worst_comes_first_and_each_says_since_when() -> None:
    seen = lines(
        State("web", decided=Status.OK, decided_since=NOW - MINUTE),
        State("disk", "/", decided=Status.CRITICAL, decided_since=NOW - 2 * MINUTE),
        runs=(run("web", Status.OK, "200 in 3ms"),),
    )
    assert seen[0] == "agent   running (pid 42, 5m ago)"
    assert seen[1] == "checks  1 critical, 1 ok"
    assert seen[2] == "events  all told"
    assert seen[4].split() == ["critical", "disk", "/", "2m"]
    assert seen[5] == "ok        web     1m  next in 30s  200 in 3ms"


def test_what_is_not_decided_yet_or_held_back_is_marked() -> None:
    (row,) = lines(
        State("web", decided=Status.OK, suppressed_by="silenced until noon"),
        runs=(run("web", Status.CRITICAL, "down"),),
    )[4:]
    assert row.endswith("down [critical, not decided yet] [not told: silenced until noon]")


def test_without_an_agent_there_is_no_next_run() -> None:
    seen = lines(State("web", decided=Status.OK), runs=(run("web", Status.OK, "fine"),), at_work=False)
    assert seen[0] == "agent   not running"
    assert "next in" not in seen[4]


def explanation(state: State, *reasons: Reason) -> str:
    return "\n".join(explained(state, None, reasons, None, NOW).lines)


def test_explain_says_why_there_is_nothing_to_tell() -> None:
    assert "nothing is decided yet" in explanation(State("web"))
    assert "is what was reported" in explanation(State("web", decided=Status.OK))
    told_once = State("web", decided=Status.CRITICAL, notified=EventStatus.CRITICAL, notified_at=NOW - MINUTE, events=1)
    assert "critical for 1m, 1 event so far" in explanation(told_once)


def test_explain_says_what_holds_a_change_back() -> None:
    held = explanation(State("web", decided=Status.CRITICAL), Reason("depends on router, which is critical"))
    assert "critical is to be told with the next result, but:" in held
    assert "suppressed    depends on router, which is critical" in held


def test_explain_says_how_near_a_subject_is_to_flapping() -> None:
    flapping = State("web", decided=Status.OK, changes=0b11111, flapping=False)
    assert "5 in the last 20 results, 28.5% (not flapping; begins at 30%)" in explanation(flapping)
    assert Policy().flapping is not None


def outcome(*results: Result) -> Outcome:
    return Outcome("web", 1, 0, 0.012, results)


def test_check_prints_the_worst_first_and_performance_data_at_the_end_of_the_first_line() -> None:
    printed = text(
        outcome(
            Result(Status.OK, "/ fine", "/", "", (Metric("used", 40.0, "%", "80", "90", 0, 100),)),
            Result(Status.CRITICAL, "/mnt | full", "/mnt", "more\nlines", (Metric("it's=odd", 1.5),)),
        )
    )
    assert printed.split("\n") == [
        "CRITICAL: /mnt / full | '/mnt it''s_odd'=1.5 '/ used'=40%;80;90;0;100",
        "critical /mnt / full",
        "ok       / fine",
        "more",
        "lines",
        "took 12ms",
    ]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path, {"TOKEN": "hidden-token"}) as agent:
        agent.write(
            "a.yaml",
            "checks:\n  web: {type: script, command: [sh, -c, 'exit 1', '${env:TOKEN}'], interval: 1s}\n",
        )
        yield agent


def test_explain_names_each_setting_with_its_value_and_place_but_no_secret(agent: AgentProcess) -> None:
    agent.start()
    agent.wait_until(lambda: agent.status()["checks"], "a first result")
    said = agent.call("explain", "web").stdout
    assert "type script" in said
    assert "interval  1s" in said
    assert "a.yaml:2:" in said
    assert "hidden-token" not in said
    assert f"settings, in {agent.config}\n" in said
    assert re.search(r"(?m)^  command +sh -c 'exit 1' '\*\*\*' +a\.yaml:2:32$", said)
    assert agent.call("explain", "nobody").returncode == 2


def test_a_pipe_that_closes_early_is_no_error(agent: AgentProcess) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        f"{sys.executable} -m agent.cli types | head -1", shell=True, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_commands_without_a_store_say_so(tmp_path: Path) -> None:
    with agent_process(tmp_path) as agent:
        for command in (("status",), ("events",), ("explain", "web")):
            done = agent.call(*command)
            assert done.returncode == 2
            assert "has the agent run" in done.stderr
        assert "no agent is running" in agent.call("reload").stderr
