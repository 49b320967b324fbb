"""Subjects of a check that disappear, are named no more, or are too many."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engine.state.subjects import CROWDED_OUT, FORGOTTEN, MOST_KNOWN, UNASKED, find_crowded_out
from agent.engine.state.transition import advance
from agent.model import EventStatus, Outcome, Policy, Result, State, Status
from tests.engine.stories import STEADY


def outcome(*results: Result, complete: bool = True) -> Outcome:
    return Outcome("disks", 1, 0, 0.1, results, complete)


def test_a_subject_that_disappears_becomes_nodata() -> None:
    states = {"/": State("disks", "/", decided=Status.OK), "/mnt": State("disks", "/mnt", decided=Status.OK)}
    steps = advance(states, outcome(Result(Status.OK, "fine", "/")), Policy(), 5)
    assert [(s.state.subject, s.state.decided) for s in steps] == [("/", Status.OK), ("/mnt", Status.NODATA)]
    assert steps[1].report is not None


def test_a_run_that_failed_as_a_whole_says_nothing_of_the_subjects_it_did_not_reach() -> None:
    states = {"/": State("disks", "/", decided=Status.OK)}
    steps = advance(states, outcome(Result(Status.NODATA, "timed out"), complete=False), Policy(), 5)
    assert [(s.state.subject, s.state.decided) for s in steps] == [("", Status.NODATA)]


def test_a_check_that_failed_as_a_whole_recovers_with_its_next_good_run() -> None:
    states = {s: State("disks", s, decided=d) for s, d in (("", Status.NODATA), ("/", Status.OK))}
    steps = advance(states, outcome(Result(Status.OK, "fine", "/")), Policy(), 5)
    assert [(s.state.subject, s.state.decided) for s in steps] == [("/", Status.OK), ("", Status.OK)]


# --- subjects that are not asked for any more -------------------------------------------------------------------------


def of_disks(*subjects: str, settings_checksum: int, complete: bool = True) -> Outcome:
    results = tuple(Result(Status.OK, "fine", subject) for subject in subjects)
    return Outcome(
        "disks",
        1,
        0,
        0.1,
        results or (Result(Status.NODATA, "x"),),
        complete,
        type="disk",
        settings_checksum=settings_checksum,
    )


def seen_under(settings_checksum: int, **states: Status) -> dict[str, State]:
    return {
        name: State("disks", name, decided=status, settings_checksum=settings_checksum)
        for name, status in states.items()
    }


def test_a_subject_that_other_settings_named_is_closed_and_forgotten() -> None:
    states = {
        "a": State(
            "disks", "a", decided=Status.CRITICAL, notified=EventStatus.CRITICAL, incident="i", settings_checksum=1
        )
    }
    first, second = advance(states, of_disks("b", settings_checksum=2), STEADY, 5)
    assert (first.state.subject, first.last) == ("a", True)
    assert first.report is not None
    assert (first.report.status, first.report.incident) == (EventStatus.OK, "i")
    assert (second.state.subject, second.last) == ("b", False)


def test_a_subject_that_is_gone_under_the_same_settings_or_unknown_ones_is_nodata() -> None:
    for written in (2, 0):
        steps = advance(seen_under(written, a=Status.OK), of_disks("b", settings_checksum=2), STEADY, 5)
        assert [(step.state.subject, step.state.decided, step.last) for step in steps] == [
            ("b", Status.OK, False),
            ("a", Status.NODATA, False),
        ]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3 * 86_400)), max_size=40))
def test_a_subject_that_no_setting_names_is_missed_at_once_told_once_and_forgotten_after_a_week(
    looks: list[tuple[bool, int]],
) -> None:
    states: dict[str, State] = {"a": State("disks", "a", decided=Status.OK, settings_checksum=2)}
    now, gone_since, told_of = 1000, 0, []
    for seen, seconds in looks:
        now += seconds * 1000
        steps = advance(states, of_disks(*(["a"] if seen else []), "b", settings_checksum=2), STEADY, now)
        gone_since = 0 if seen else gone_since or now
        mine = [step for step in steps if step.state.subject == "a"]
        told_of += [step.report.status.value for step in mine if step.report]
        for step in mine:
            states["a"] = msgspec.structs.replace(step.state, settings_checksum=2)
        if any(step.last for step in mine):
            del states["a"]
        assert ("a" in states) == (seen or (now - gone_since < 7 * 86_400_000 and bool(mine)))
        assert not any(first == second for first, second in itertools.pairwise(told_of))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8), st.booleans(), st.booleans()), max_size=30))
def test_whatever_runs_name_a_check_has_no_more_subjects_than_the_bound_and_those_spoken_of_stay(
    runs: list[tuple[int, int, bool, bool]],
) -> None:
    states: dict[str, State] = {}
    open_: set[str] = set()
    for now, (first, count, bad, complete) in enumerate(runs, 1):
        named = tuple(
            Result(Status.CRITICAL if bad else Status.OK, "x", str(number)) for number in range(first, first + count)
        ) or (Result(Status.NODATA, "x"),)
        seen = Outcome("disks", 1, now, 0.1, named, complete)
        gone = find_crowded_out(states, seen, 12)
        assert not {result.subject for result in named} & set(gone)
        told_of = {subject for subject in gone if states[subject].notified not in (None, EventStatus.OK)}
        well = [one for one in states.values() if one.subject and one.notified in (None, EventStatus.OK)]
        assert not told_of or all(one.subject in {*gone, *(result.subject for result in named)} for one in well)
        for subject in gone:
            del states[subject]
        for step in advance(states, seen, STEADY, now):
            states[step.state.subject] = step.state
            (open_.add if step.report else open_.discard)(step.state.subject)
        assert len(states) <= 12 + len(named)


def test_who_is_crowded_out_is_closed_and_forgotten() -> None:
    states = {str(number): State("disks", str(number), decided=Status.OK) for number in range(MOST_KNOWN)}
    states["0"] = State("disks", "0", decided=Status.CRITICAL, notified=EventStatus.CRITICAL, incident="i")
    news = tuple(Result(Status.OK, "x", f"new {number}") for number in range(MOST_KNOWN))
    steps = advance(states, outcome(*news, complete=False), STEADY, 5)
    last = [step for step in steps if step.last]
    assert len(last) == MOST_KNOWN
    assert [step.report.status for step in last if step.report] == [EventStatus.OK]
    assert {step.result.summary for step in last} == {CROWDED_OUT}


def test_of_what_is_left_out_only_what_is_known_is_told() -> None:
    states = {"a": State("disks", "a", decided=Status.OK)}
    left_out = (Result(Status.CRITICAL, "x", "a"), Result(Status.CRITICAL, "x", "b"))
    steps = advance(states, msgspec.structs.replace(outcome(Result(Status.OK, "x", "c")), left_out=left_out), STEADY, 5)
    assert [(step.state.subject, step.state.decided) for step in steps] == [("c", Status.OK), ("a", Status.CRITICAL)]


def test_what_named_subjects_say_is_never_forgotten_however_long_it_lasts() -> None:
    state = State("disks", "a", decided=Status.NODATA, decided_since=1)
    step, *_ = advance({"a": state}, outcome(Result(Status.NODATA, "not there", "a")), STEADY, 10**13)
    assert not step.last


def test_a_run_that_failed_drops_no_subject() -> None:
    steps = advance(seen_under(1, a=Status.OK), of_disks(settings_checksum=2, complete=False), STEADY, 5)
    assert [step.state.subject for step in steps] == [""]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State("disks", "a", decided=Status.CRITICAL, settings_checksum=1), UNASKED),
        (State("disks", "a", decided=Status.CRITICAL, settings_checksum=2, discovered=True), FORGOTTEN),
    ],
)
def test_what_is_closed_is_closed_now_under_its_own_name_and_says_why(state: State, words: str) -> None:
    first, second = advance({"a": state}, of_disks("b", settings_checksum=2), STEADY, 5)
    assert (first.result, first.at, first.last) == (Result(Status.OK, words, "a"), 5, True)
    assert first.state.decided_since == 5
    assert (second.state.subject, second.result.subject) == ("b", "b")


def test_a_check_that_was_waited_for_in_vain_is_well_itself_when_results_of_its_subjects_come() -> None:
    states = {"": State("backup", decided=Status.NODATA), "db": State("backup", "db", decided=Status.OK)}
    pushed = Outcome("backup", 0, 5, 0.0, (Result(Status.OK, "done", "db"),), complete=False, speaks_for_check=True)
    assert [(step.state.subject, step.state.decided) for step in advance(states, pushed, STEADY, 5)] == [
        ("db", Status.OK),
        ("", Status.OK),
    ]
    for well in ({"db": states["db"]}, {**states, "": State("backup", decided=Status.OK)}):
        assert [step.state.subject for step in advance(well, pushed, STEADY, 5)] == ["db"]
    ran = Outcome("backup", 1, 5, 0.0, (Result(Status.OK, "done", "db"),), complete=False)
    assert [step.state.subject for step in advance(states, ran, STEADY, 5)] == ["db"]
