"""An acknowledged problem is not repeated until it changes; then everything is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.ack import words_of
from agent.engine.state.transition import apply_result, due_repeat, repeat_due
from agent.model import EventStatus, Policy, Result, State, Status
from tests.processes.agent_process import agent_process

MINUTE = 60_000
T0 = 1_700_000_000_000
POLICY = Policy(flapping=None, repeat_every=60.0)


@given(results=st.lists(st.sampled_from(Status), min_size=1, max_size=30), at=st.integers(0, 29))
def test_what_is_acknowledged_is_told_like_everything_else_but_never_repeated(results: list[Status], at: int) -> None:
    """Beside each other: the same results without an acknowledgement, and with one at some moment."""
    plain = acked = State("web")
    for n, status in enumerate(results):
        now = T0 + n * 10 * MINUTE
        one, other = (apply_result(state, Result(status, ""), POLICY, now) for state in (plain, acked))
        known = acked.acknowledged
        plain, acked = one.state, other.state
        news = [step.report.status if step.report and not step.report.repeat else None for step in (one, other)]
        assert news[0] == news[1], "every change is told"
        if known:
            assert not (other.report and other.report.repeat)
            assert bool(acked.acknowledged) == (other.report is None), "a change that is told ends it"
        if n == at and acked.notified not in (None, EventStatus.OK):
            acked = msgspec.structs.replace(acked, acknowledged="ann")


def test_an_acknowledged_problem_has_no_repetition_due() -> None:
    state = State("web", decided=Status.CRITICAL, notified=EventStatus.CRITICAL, notified_at=T0)
    assert repeat_due(state, POLICY)
    assert due_repeat(state, POLICY, T0 + MINUTE)
    acked = msgspec.structs.replace(state, acknowledged="ann")
    assert not repeat_due(acked, POLICY)
    assert due_repeat(acked, POLICY, T0 + 100 * MINUTE) is None


def test_who_and_why_are_one_line() -> None:
    assert words_of("ann", "") == "ann"
    assert words_of("ann", "new disk\\nis ordered") == "ann (new disk\\nis ordered)"


def test_a_problem_of_a_running_agent_is_acknowledged_shown_kept_and_over_with_its_end(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    with agent_process(tmp_path, {"SUDO_USER": "ann"}) as agent:
        agent.write("a.yaml", f"checks: {{flag: {{type: file, path: {flag}, expect: absent, interval: 1s}}}}\n")
        assert agent.call("ack", "flag").returncode == 2
        agent.start()
        agent.wait_until(lambda: marks(agent.status()) == [], "a result")
        agent.wait_until(lambda: agent.call("ack", "flag", "--reason", "on it").returncode == 0, "the acknowledgement")
        agent.wait_until(lambda: marks(agent.status()) == ["acknowledged"], "the mark")
        assert "Acknowledged by ann (on it); not repeated until it changes." in agent.call("explain", "flag").stdout
        agent.stop()
        agent.start()
        agent.wait_until(lambda: agent.status()["agent"], "the agent")
        assert marks(agent.status()) == ["acknowledged"]
        agent.wait_until(lambda: agent.call("ack", "flag", "--undo").returncode == 0, "taking it back")
        agent.wait_until(lambda: marks(agent.status()) == [], "the mark to go")
        assert agent.call("ack", "flag").returncode == 0
        flag.unlink()
        agent.wait_until(lambda: agent.status()["checks"][0]["status"] == "ok", "the end")
        assert marks(agent.status()) == []
        done = agent.call("ack", "flagg")
        assert (done.returncode, done.stderr) == (2, "hostvigil: no check is called 'flagg', did you mean 'flag'?\n")
        done = agent.call("ack", "flag")
        assert (done.returncode, done.stdout[:38]) == (1, "nothing is told as a problem of flag n")


def marks(status: dict[str, Any]) -> list[str] | None:
    found: list[list[str]] = [one["marks"] for one in status["checks"] if one["check"] == "flag"]
    return found[0] if found else None


def test_the_agent_runs_a_check_at_once_when_it_is_asked_to_and_tells_what_changed(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with agent_process(tmp_path, {"SUDO_USER": "ann"}) as agent:
        agent.write(
            "a.yaml",
            f"checks: {{flag: {{type: file, path: {flag}, expect: absent, interval: 1h}}, bad: {{type: pushed}},"
            " job: {type: pushed, ttl: 1h}, off: {type: load, enabled: false}}\n",
        )
        assert agent.call("check", "flag", "--by-agent").returncode == 3
        agent.start()
        agent.wait_until(lambda: "ok  " in agent.call("status", "flag").stdout, "a result")
        flag.touch()
        done = agent.call("check", "flag", "--by-agent")
        assert (done.returncode, done.stdout) == (0, "flag runs now: hostvigil status flag\n")
        agent.wait_until(lambda: "critical" in agent.call("status", "flag").stdout, "the problem")
        agent.write("b.yaml", "checks: {new: {type: load}}")
        for name, why in {
            "job": "job is not run by the agent: its results are pushed (hostvigil report, hostvigil wrap)\n",
            "off": "hostvigil: off is not run by the agent: it is switched off (enabled: false)\n",
            "new": "hostvigil: new is not run by the agent: it has not taken it over yet: hostvigil reload\n",
            "flg": "hostvigil: no check is called 'flg', did you mean 'flag'?\n",
            "bad": "setting 'ttl' is missing",
        }.items():
            done = agent.call("check", name, "--by-agent")
            assert (done.returncode, why in done.stderr + done.stdout) == (3, True), name
        assert agent.stop() == 0
        assert "run asked for by ann" in agent.call("history", "flag").stdout
