"""The Snapshot: what store, configuration and silences say together. Pure; the rules are tables and properties."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.drop_ins import load
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.engine.self_check import configuration_outcomes
from agent.engine.state.transition import due_report
from agent.model import EventStatus, Policy, Reason, ReasonKind, Result, Silence, State, Status
from agent.store import Backlog, Holder, LastRun, Progress
from agent.view.compose import StoreContents, compose
from agent.view.snapshot import Mark, SubjectView, urgency
from agent.view.words import marks, why

NOW = 1_700_000_000_000
MINUTE = 60_000

CONFIG = """
agent:
  tags: {env: prod}
  maintenance: {cron: "* * * * *", duration: 2m, select: "in-window"}
checks:
  router: {type: script, command: [router]}
  web: {type: script, command: [web], depends_on: router, tags: {team: shop}}
  quiet: {type: script, command: [quiet]}
  in-window: {type: script, command: [any]}
  off: {type: script, command: [off], enabled: false}
  wrong: {type: script, comand: [web]}
  backup: {type: pushed, ttl: 1d}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("conf.d")
    (folder / "checks.yaml").write_text(CONFIG)
    return load(folder, Catalog(), {})


def ran(check: str, status: Status = Status.OK, subject: str = "", next_at: int = NOW + MINUTE) -> LastRun:
    return LastRun(check, subject, Result(status, f"{check} says so", subject), NOW - 1000, 0.1, next_at)


def subject_of(known: StoreContents, config: Config, check: str) -> SubjectView:
    (found,) = compose(known, config, NOW).checks[check].subjects
    return found


def decided(check: str, status: Status = Status.OK, **more: Any) -> State:
    return State(check, decided=status, decided_since=NOW - MINUTE, **more)


WORKING = Holder(42, NOW - MINUTE)


def test_what_is_configured_and_never_ran_is_there_and_what_is_switched_off_is_named(config: Config) -> None:
    seen = compose(StoreContents(), config, NOW)
    assert {one.check for one in seen.subjects} == {"router", "web", "quiet", "in-window", "wrong", "backup"}
    assert all(Mark.NO_RESULT in one.marks and one.status is Status.NODATA for one in seen.subjects)
    assert seen.agent.disabled == ("off",)
    assert not seen.agent.running


def test_a_check_that_the_agent_waits_for_is_there_though_the_files_do_not_name_it(config: Config) -> None:
    one = subject_of(StoreContents(no_result_yet=("fresh",)), config, "fresh")
    assert one.marks == (Mark.NO_RESULT, Mark.UNCONFIGURED)


def test_what_is_written_wrong_is_there_with_its_problem(config: Config) -> None:
    one = subject_of(StoreContents(), config, "wrong")
    assert Mark.WRONG in one.marks
    assert "comand" in one.summary or "'command' is missing" in one.summary
    assert not one.waits
    assert any("comand" in problem for problem in compose(StoreContents(), config, NOW).agent.problems)


def test_each_suppression_is_a_mark_with_its_reason(config: Config) -> None:
    silence = Silence("quiet", NOW - 1, NOW + MINUTE, "being mended")
    states = (decided("router", Status.CRITICAL), *map(decided, ("web", "quiet", "in-window")))
    known = StoreContents(
        states=states, silences=(silence,), runs=tuple(map(ran, ("router", "web", "quiet", "in-window")))
    )
    wanted = {"web": Mark.PARENT, "quiet": Mark.SILENCED, "in-window": Mark.MAINTENANCE}
    for check, mark in wanted.items():
        one = subject_of(known, config, check)
        assert mark in one.marks, check
        assert one.reasons[0].text in one.why
    assert "being mended" in subject_of(known, config, "quiet").why


def test_a_silence_that_ended_marks_nothing(config: Config) -> None:
    known = StoreContents(states=(decided("quiet"),), runs=(ran("quiet"),), silences=(Silence("*", 0, NOW),))
    assert subject_of(known, config, "quiet").marks == ()


def test_the_last_result_that_is_not_decided_and_flapping_are_marks_and_no_ok(config: Config) -> None:
    known = StoreContents(states=(decided("quiet", flapping=True),), runs=(ran("quiet", Status.CRITICAL),))
    one = subject_of(known, config, "quiet")
    assert set(one.marks) == {Mark.FLAPPING, Mark.UNDECIDED}
    assert not one.is_well


@pytest.mark.parametrize(
    ("check", "overdue", "running", "late"),
    [
        ("quiet", 14.0, True, False),  # its time-out is 10s, and 5s may pass until the result is written
        ("quiet", 16.0, True, True),
        ("quiet", 16.0, False, False),
        ("backup", 3600.0, True, False),
    ],
)
def test_late_is_who_should_have_ended_by_now(
    config: Config, check: str, overdue: float, running: bool, late: bool
) -> None:
    run = ran(check, next_at=NOW - round(overdue * 1000))
    known = StoreContents(states=(decided(check),), runs=(run,), holder=WORKING if running else None)
    one = subject_of(known, config, check)
    assert (Mark.LATE in one.marks, one.late > 0) == (late, late)


def test_a_check_that_the_files_do_not_name_is_marked_unless_a_file_cannot_be_read(config: Config) -> None:
    known = StoreContents(states=(decided("gone"), decided("hostvigil")), runs=(ran("gone"), ran("hostvigil")))
    assert subject_of(known, config, "gone").marks == (Mark.UNCONFIGURED,)
    assert subject_of(known, config, "hostvigil").marks == ()
    unread = load(Path("/nowhere/at/all"), Catalog(), {})
    assert subject_of(known, unread, "gone").marks == ()


def test_deliveries_are_told_by_destination(config: Config) -> None:
    known = StoreContents(
        backlog={"events": Backlog(2, NOW - MINUTE, 1), "ops": Backlog(0, 0, 0)},
        progress={"events": Progress(NOW - 2 * MINUTE, "HTTP 503")},
    )
    events, ops = compose(known, config, NOW).destinations
    assert (events.waiting, events.oldest, events.refused) == (2, NOW - MINUTE, 1)
    assert (events.delivered_at, events.trouble) == (NOW - 2 * MINUTE, "HTTP 503")
    assert (ops.waiting, ops.delivered_at, ops.trouble) == (0, 0, "")


def test_the_agents_own_line_does_not_say_no_problems_beside_a_check_that_is_written_wrong(config: Config) -> None:
    own = next(one for one in configuration_outcomes(config, NOW) if one.check == "hostvigil")
    assert own.results[0].summary == "no problems but of single checks: wrong"
    assert own.results[0].status is Status.OK


def test_the_worst_comes_first_and_what_has_no_result_yet_before_the_ok(config: Config) -> None:
    states = (
        decided("router", Status.CRITICAL),
        decided("web", Status.NODATA),
        decided("quiet"),
        decided("in-window", Status.WARNING),
    )
    runs = tuple(ran(state.check, state.decided or Status.OK) for state in states)
    seen = compose(StoreContents(states=states, runs=runs), config, NOW)
    assert [one.check for one in seen.subjects] == ["router", "in-window", "web", "wrong", "backup", "quiet"]
    assert list(map(urgency, seen.subjects)) == sorted(map(urgency, seen.subjects), reverse=True)


STATES = st.builds(
    State,
    st.just("web"),
    decided=st.none() | st.sampled_from(Status),
    decided_since=st.just(NOW - MINUTE),
    notified=st.none() | st.sampled_from([one for one in EventStatus if one is not EventStatus.INFO]),
    notified_at=st.just(NOW - MINUTE),
    flapping=st.booleans(),
    good=st.integers(0, 2),
    suppressed_by=st.sampled_from(["", "silenced until noon"]),
)


@given(state=STATES, suppressed=st.booleans())
def test_why_says_that_something_is_to_be_told_exactly_when_the_engine_would_tell_it(
    state: State, suppressed: bool
) -> None:
    reasons = (Reason("depends on router, which is critical", kind=ReasonKind.PARENT),) if suppressed else ()
    said = why(state, reasons)
    due = due_report(state, state, Policy(flapping=None), NOW) is not None
    assert ("is told with the next result" in said) == (due and not suppressed)
    assert ("which is not told now" in said) == (due and suppressed)
    assert ("depends on router" in said) == suppressed


@pytest.mark.parametrize(
    ("check", "state", "run", "said"),
    [
        (
            "quiet",
            decided("quiet", Status.CRITICAL, acknowledged="ann (on it)"),
            Status.CRITICAL,
            ["acknowledged by ann (on it)"],
        ),
        ("quiet", decided("quiet"), Status.CRITICAL, ["critical, not decided yet"]),
        ("quiet", decided("quiet", suppressed_by="silenced"), Status.OK, ["not told: silenced"]),
        ("quiet", decided("quiet", flapping=True), Status.OK, ["flapping"]),
        ("gone", decided("gone"), Status.OK, ["not configured"]),
        ("in-window", decided("in-window"), Status.OK, ["maintenance"]),
    ],
)
def test_a_mark_is_said_in_words_that_need_no_manual(
    config: Config, check: str, state: State, run: Status, said: list[str]
) -> None:
    assert list(marks(subject_of(StoreContents(states=(state,), runs=(ran(check, run),)), config, check))) == said


def test_who_is_late_says_by_how_much(config: Config) -> None:
    known = StoreContents(states=(decided("quiet"),), runs=(ran("quiet", next_at=NOW - MINUTE),), holder=WORKING)
    assert list(marks(subject_of(known, config, "quiet"))) == ["late by 1m"]


def test_what_has_no_result_yet_has_no_mark_for_it(config: Config) -> None:
    assert list(marks(subject_of(StoreContents(), config, "quiet"))) == []
