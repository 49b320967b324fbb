"""Subjects that a check finds by itself: they come and go without a word, and leave nothing behind."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Check, Context, Status, critical, ok
from agent.engine.state.transition import Transition, advance
from agent.model import EventStatus, Outcome, Policy, Result, State
from agent.plugin.results import gather, limit_subjects
from agent.running.execute import execute
from agent.testing import ran
from tests.checks.docker_engine import Engine, container, serving
from tests.checks.looks import script_of
from tests.processes.agent_process import AgentProcess, agent_process

STEADY = Policy(flapping=None)


class Story:
    """The states of one check over its runs, kept as a store keeps them."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.now = 0

    def run(self, *results: Result, complete: bool = True, left_out: tuple[Result, ...] = ()) -> list[Transition]:
        self.now += 1000
        told = results or (ok("0 found"),)
        outcome = Outcome("check", 1, self.now, 0.0, told, complete, settings_checksum=7, left_out=left_out)
        steps = advance(self.states, outcome, STEADY, self.now)
        for step in steps:
            if step.last:
                del self.states[step.state.subject]
            else:
                kept = msgspec.structs.replace(step.state, settings_checksum=7)
                self.states[step.state.subject] = msgspec.json.decode(msgspec.json.encode(kept), type=State)
        return steps

    def reports(self, *results: Result, complete: bool = True) -> list[tuple[str, EventStatus]]:
        return [
            (step.state.subject, step.report.status) for step in self.run(*results, complete=complete) if step.report
        ]


def found(subject: str, status: Status = Status.OK) -> Result:
    return Result(status, "x", subject, discovered=True)


def test_what_was_well_goes_without_a_word() -> None:
    story = Story()
    assert story.reports(found("a"), found("b")) == []
    assert story.reports(found("b")) == []
    assert set(story.states) == {"b"}


def test_what_was_told_as_a_problem_is_closed_once_in_the_same_incident() -> None:
    story = Story()
    (begin,) = [step.report for step in story.run(found("a", Status.CRITICAL)) if step.report]
    (step,) = [step for step in story.run(ok("all")) if step.report]
    assert step.report is not None
    assert (step.report.status, step.report.incident, step.result.summary) == (
        EventStatus.OK,
        begin.incident,
        "is gone",
    )
    assert story.reports(ok("all")) == []
    assert set(story.states) == {""}


def test_what_is_named_is_missed_at_once() -> None:
    story = Story()
    story.run(ok("x", "named"), found("seen"))
    assert story.reports(ok("all")) == [("named", EventStatus.NODATA)]
    assert story.reports(ok("x", "named")) == [("named", EventStatus.OK)]


def test_a_subject_that_somebody_names_later_is_missed_from_then_on() -> None:
    story = Story()
    story.run(found("web"))
    story.run(ok("x", "web"))
    assert story.reports(ok("all")) == [("web", EventStatus.NODATA)]


def test_a_failed_look_is_never_taken_for_all_gone() -> None:
    story = Story()
    story.run(found("a"), found("b", Status.CRITICAL))
    failed = Result(Status.NODATA, "the socket does not answer")
    assert story.reports(failed, complete=False) == [("", EventStatus.NODATA)]
    assert set(story.states) == {"", "a", "b"}
    assert story.reports(found("a")) == [("b", EventStatus.OK), ("", EventStatus.OK)]


LOOKS = st.tuples(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(Status)), st.booleans())


@given(st.lists(LOOKS, max_size=40))
def test_whatever_comes_and_goes_every_problem_ends_and_nothing_is_left(
    looks: list[tuple[dict[str, Status], bool]],
) -> None:
    story = Story()
    open_: dict[str, EventStatus] = {}
    for seen, complete in [*looks, ({}, True)]:
        results = tuple(found(subject, status) for subject, status in seen.items())
        for step in story.run(*results, complete=complete):
            if step.report and step.state.subject:
                open_[step.state.subject] = step.report.status
                assert step.state.subject in seen or step.report.status is EventStatus.OK
            if step.last:
                assert complete
                assert open_.pop(step.state.subject, EventStatus.OK) is EventStatus.OK
        known = set(story.states) - {""}
        assert known >= set(seen)
        assert not complete or known == set(seen)
    assert set(story.states) <= {""}
    assert not open_


def test_tens_of_thousands_leave_no_state() -> None:
    story = Story()
    for batch in range(20):
        assert story.reports(*(found(f"{batch}-{number}") for number in range(1000))) == []
        assert len(story.states) <= 1000
    story.run(ok("all"))
    assert set(story.states) == {""}


# --- more subjects than are told --------------------------------------------------------------------------------------


def test_of_too_many_subjects_the_worst_are_told_and_a_line_says_how_many_are_not() -> None:
    results = gather([ok("fine", str(n)) for n in range(30)] + [critical("full", "tmp"), ok("31 mounts")])
    told, rest = limit_subjects(results, limit=10)
    assert [one.subject for one in told[:2]] == ["", "tmp"]
    assert told[0].summary == "31 mounts, 22 of 32 subjects are left out, the worst of them ok"
    assert (len(told), len(rest), told[0].status) == (10, 22, Status.OK)


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(Status)), min_size=1), st.integers(1, 20))
def test_no_bound_turns_a_known_problem_into_something_else(seen: list[tuple[int, Status]], limit: int) -> None:
    results = gather(Result(status, "x", str(number) if number else "") for number, status in seen)
    told, rest = limit_subjects(results, limit)
    assert set(told) >= {one for one in results if one.status is Status.CRITICAL and one.subject} or len(told) >= limit
    assert len(told) <= limit + 1
    names = {one.subject for one in (*told, *rest)}
    assert names >= {one.subject for one in results}
    severity = {"ok": 0, "nodata": 1, "warning": 2, "critical": 3}
    worst = max(severity[one.status] for one in results)
    assert max(severity[one.status] for one in told) == worst


class Many(Check, frozen=True):
    """Says as many subjects as it is told to."""

    count: int

    def run(self, ctx: Context) -> Iterator[Result]:
        yield from (ok("fine", str(number)) for number in range(self.count))


def test_a_check_of_too_many_subjects_is_no_failed_check() -> None:
    check = Many(count=1005)
    seen = execute(check, Context())
    assert (seen.complete, len(seen.left_out), seen.results[0].subject) == (True, 5, "")
    assert seen.results[0].summary == "5 of 1005 subjects are left out, the worst of them ok"
    assert ran(check).results == seen.results


def test_what_is_left_out_has_not_disappeared_and_what_was_told_of_it_ends() -> None:
    story = Story()
    story.run(ok("x", "named"), Result(Status.CRITICAL, "x", "bad"))
    steps = story.run(ok("all"), left_out=(ok("x", "named"), ok("x", "bad"), ok("x", "new")))
    assert {step.state.subject: step.state.decided for step in steps} == {
        "": Status.OK, "named": Status.OK, "bad": Status.OK
    }  # fmt: skip
    assert [step.state.subject for step in steps if step.report] == ["bad"]


# --- with a real agent ------------------------------------------------------------------------------------------------


class Churn(Engine):
    """Docker whose containers are all others at each look, but those of `stay`."""

    batch, number = 600, 0

    def __init__(self, *stay: dict[str, Any]) -> None:
        super().__init__()
        self.stay = list(stay)

    def __call__(self, connection: socket.socket, question: bytes) -> None:
        if b"all=1" in question:
            self.number += 1
            states = (("running", "Up 1 second"), ("exited", "Exited (0) 1 second ago"))
            names = (f"job-{self.number}-{one}" for one in range(self.batch))
            self.containers = [container(name, *states[place % 2]) for place, name in enumerate(names)] + self.stay
        super().__call__(connection, question)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path) as agent:
        settings = f"type: docker, socket: {tmp_path}/s, interval: 1s, timeout: 900ms, fail_after: {{nodata: 99}}"
        agent.write("docker.yaml", f"checks:\n  c: {{{settings}}}\n")
        yield agent


def rows(agent: AgentProcess, table: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{agent.state}/hostvigil.db?mode=ro", uri=True)) as db:
        return list(db.execute(f"SELECT check_name, subject FROM {table}"))  # noqa: S608 - our own names


def test_thousands_of_containers_that_come_and_go_leave_neither_events_nor_rows(
    agent: AgentProcess, tmp_path: Path
) -> None:
    bad = container("bad", "exited", "Exited (1) 2 minutes ago")
    engine = Churn(bad)
    with serving(tmp_path / "s", engine):
        agent.start()
        agent.wait_until(lambda: engine.number >= 4, "four looks at 2,400 containers")
        engine.stay, engine.batch = [], 0
        agent.wait_until(lambda: engine.number >= 7, "three more looks")
        agent.wait_until(lambda: told(agent) == [("bad", "critical"), ("bad", "ok")], "the end of what was told")
        assert agent.stop() == 0
    assert told(agent) == [("bad", "critical"), ("bad", "ok")]
    for table in ("states", "last_runs"):
        assert [subject for check, subject in rows(agent, table) if check == "c"] == [""], table


def told(agent: AgentProcess) -> list[tuple[str, str]]:
    events = sorted(agent.json("events")["events"], key=lambda event: event["seq"])
    return [(event["subject"], event["status"]) for event in events if event["check"] == "c"]


# --- scripts ----------------------------------------------------------------------------------------------------------


def of_script(text: str, memory: dict[str, Any], day: float, format_: str = "checkmk_local") -> list[str]:
    script = script_of("/bin/cat", stdin=text, format=format_)
    context = Context(timeout=10.0, memory=memory, wall=lambda: 1_700_000_000 + day * 86_400)
    seen = execute(script, context)
    if seen.complete:
        memory.update(seen.memory or {})
    assert all(one.discovered == bool(one.subject) for one in seen.results)
    return [f"{one.subject}:{one.status}" for one in seen.results]


@pytest.mark.parametrize("seconds", ["0", "0.3"], ids=["ends at once", "is awaited"])
def test_what_a_script_speaks_of_is_missed_for_a_day_after_it_was_there_for_one(seconds: str) -> None:
    memory: dict[str, Any] = {}
    both, first = "0 a - fine\n0 b - fine\n", "0 a - fine\n"

    def look(text: str, day: float) -> list[str]:
        command = ["/bin/sh", "-c", f"sleep {seconds}; cat"]
        script = script_of(*command, stdin=text, format="checkmk_local")
        seen = execute(script, Context(timeout=10.0, memory=memory, wall=lambda: 1_700_000_000 + day * 86_400))
        return [f"{one.subject}:{one.status}" for one in seen.results]

    assert look(both, 0) == ["a:ok", "b:ok"]
    assert look(first, 0.5) == ["a:ok"], "it was there for half a day"
    assert look(both, 1) == ["a:ok", "b:ok"]
    assert look(first, 2.5) == ["a:ok", "b:nodata"]
    assert look("0 a - fine\nnonsense", 2.6) == ["a:ok", ":nodata"], "a failed run forgets and misses nobody"
    assert look(first, 3.4) == ["a:ok", "b:nodata"]
    assert look(first, 3.6) == ["a:ok"]


def test_tens_of_thousands_of_short_lived_subjects_of_a_script_leave_no_memory() -> None:
    memory: dict[str, Any] = {}
    for batch in range(20):
        text = "\n".join(f"0 {batch}-{number} - x" for number in range(1500))
        assert len(of_script(text, memory, batch / 100)) == 1000 + 1
        assert len(memory["lasting"]) <= 1000
