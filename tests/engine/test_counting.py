"""How long a problem has lasted: `fail_after: 10s`, for what is bad and for what is missing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.engine.state.counting import count, count_time, longest, seconds_left
from agent.engine.state.flapping import flaps
from agent.engine.state.subjects import complete_results, find_crowded_out, find_dropped, with_known
from agent.engine.state.transition import apply_result, incident_id, judge_again
from agent.model import LONG_GONE_SECONDS, Count, FailAfter, Flapping, Outcome, Policy, Pushed, Result, State, Status
from tests.engine.stories import LETTERS, play, told


def lasting(bad: float, missing: float, patience: float = 60.0) -> Policy:
    return Policy(
        FailAfter(Count(seconds=bad), Count(seconds=bad), Count(seconds=missing)), flapping=None, patience=patience
    )


def test_what_is_missing_has_a_time_of_its_own() -> None:
    assert told("nnnnn", lasting(bad=1, missing=10), seconds=5) == "..n.."
    assert told("ccccc", lasting(bad=10, missing=1), seconds=5) == "..c.."


def test_a_good_result_begins_all_counts_anew_and_no_letter_is_kept_that_nobody_asks_for() -> None:
    times: dict[str, Any] = {"bad_for": 5.0, "missing_for": 6.0, "counted_at": 7000}
    before = State("web", decided=Status.CRITICAL, bad=3, missing=2, recent="ccn", **times)
    assert count(before, Status.OK, Policy(), 9000) == State("web", decided=Status.CRITICAL, good=1)


def test_what_a_run_leaves_unsaid_is_said_for_it_in_words() -> None:
    states = {subject: State("disks", subject, decided=Status.OK) for subject in ("", "a", "b")}
    seen = Outcome("disks", 1, 9000, 0.1, (Result(Status.OK, "x", "a"),))
    assert complete_results(states, seen)[1:] == (
        Result(Status.OK, "the check runs again"),
        Result(Status.NODATA, "no longer seen by this check", "b"),
    )


@pytest.mark.parametrize(("most", "gone"), [(4, []), (3, []), (2, ["b"]), (1, ["b", "c"])])
def test_so_many_are_crowded_out_as_are_too_many(most: int, gone: list[str]) -> None:
    states = {subject: State("disks", subject, decided=Status.OK) for subject in ("a", "b", "c")}
    seen = Outcome("disks", 1, 9000, 0.1, (Result(Status.OK, "x", "a"),), complete=False)
    assert find_crowded_out(states, seen, most) == gone


def test_of_the_changes_the_last_twenty_are_kept() -> None:
    state = State("web", decided=Status.OK, changes=2**20 - 1)
    assert flaps(state, Status.CRITICAL, Flapping())["changes"] == 2**20 - 1
    assert flaps(state, Status.OK, Flapping())["changes"] == 2**20 - 2


@pytest.mark.parametrize("status", ["warning", "critical", "nodata"])
def test_as_many_results_are_kept_as_any_status_asks_for(status: str) -> None:
    assert longest(FailAfter(**{status: Count(2, 5)})) == 5


def test_a_problem_begins_the_time_of_what_is_missing_anew() -> None:
    assert told("nncnnn", lasting(bad=100, missing=11), seconds=5) == "......"
    assert told("nncnnnn", lasting(bad=100, missing=11), seconds=5) == "......n"


def test_what_is_missing_neither_counts_for_a_problem_nor_begins_it_anew() -> None:
    assert told("cnnnc", lasting(bad=10, missing=100), seconds=4) == "....."
    assert told("cnnncc", lasting(bad=8, missing=100), seconds=4) == ".....c"


def test_an_ok_begins_both_times_anew() -> None:
    assert told("ccoccc", lasting(bad=10, missing=10), seconds=5) == ".....c"
    assert told("nnonnn", lasting(bad=10, missing=10), seconds=5) == ".....n"


@pytest.mark.parametrize("policy", [Policy(flapping=None), lasting(10, 10)])
@pytest.mark.parametrize("letter", ["w", "c", "n", "o"])
def test_what_stays_as_it_is_believed_is_one_unchanging_value(letter: str, policy: Policy) -> None:
    """So nothing need be written of it."""
    last = [step.state for step in play(letter * 8, policy, seconds=5)][-3:]
    assert last[0] == last[1] == last[2]


@given(
    st.sampled_from([Status.WARNING, Status.CRITICAL, Status.NODATA]),
    st.lists(st.integers(0, 20_000), min_size=1, max_size=8),
)
def test_time_without_results_counts_like_time_with_them(status: Status, spans: list[int]) -> None:
    policy = lasting(30, 30, patience=15)
    begun = play(status[0], policy)[0].state
    now, seconds, state = 0, 0.0, begun
    for span in spans:
        now += span
        seconds = min(30.0, seconds + min(span / 1000, 15.0))
        state = count_time(state, status, policy, now)
    counted = state.missing_for if status is Status.NODATA else state.bad_for
    assert counted == pytest.approx(seconds)
    assert (state.missing, state.bad, state.recent) == (begun.missing, begun.bad, begun.recent)


def lived_through(stream: list[tuple[str, int]], looks: set[int], policy: Policy) -> list[Status | None]:
    """Return what is believed after each result; `looks`: the seconds in which somebody looks without a result."""
    state, begin = State("web"), 0
    believed = []
    for letter, span in stream:
        result = Result(LETTERS[letter], letter)
        state = apply_result(state, result, policy, begin * 1000).state
        believed.append(state.decided)
        for now in range(begin + 1, begin + span + 1):
            left = seconds_left(state, result.status, policy) if state.decided is not result.status else 0
            is_due = left and now * 1000 >= state.counted_at + left * 1000
            if is_due or now in looks:
                state = judge_again(state, result, policy, now * 1000).state
        begin += span
    return believed


@given(
    st.lists(st.tuples(st.sampled_from("ocwn"), st.integers(1, 15)), max_size=12),
    st.sets(st.integers(0, 100)),
    st.sampled_from([(10, 10), (10, 0), (0, 10), (20, 10), (10, 20)]),
)
@example([("n", 11), ("c", 5), ("n", 14), ("c", 1)], {22}, (10, 10))  # what was missing counted for the problem
def test_however_often_one_looks_meanwhile_the_same_is_believed(
    stream: list[tuple[str, int]], looks: set[int], seconds: tuple[int, int]
) -> None:
    policy = lasting(*seconds)
    assert lived_through(stream, looks, policy) == lived_through(stream, set(), policy)


def test_time_changes_nothing_of_what_is_ok() -> None:
    state = State("web", good=1)
    assert count_time(state, Status.OK, lasting(10, 10), 99_000) is state


@pytest.mark.parametrize(
    ("state", "status", "left"),
    [
        (State("web", bad_for=4.0), Status.CRITICAL, 26.0),
        (State("web", bad_for=4.0), Status.WARNING, 16.0),
        (State("web", missing_for=4.0, bad_for=9.0), Status.NODATA, 6.0),
        (State("web", missing_for=99.0), Status.NODATA, 0.0),
        (State("web"), Status.OK, 0.0),
    ],
)
def test_it_is_known_in_how_many_seconds_time_alone_may_decide(state: State, status: Status, left: float) -> None:
    policy = Policy(FailAfter(Count(seconds=20), Count(seconds=30), Count(seconds=10)), patience=60.0)
    assert seconds_left(state, status, policy) == left


def test_no_more_is_waited_for_than_one_look_can_count() -> None:
    assert seconds_left(State("web"), Status.CRITICAL, lasting(3600, 1, patience=15)) == 15.0


def test_where_flapping_is_not_looked_for_nothing_is_kept_of_it() -> None:
    state = State("web", decided=Status.OK, changes=5, flapping=True)
    assert flaps(state, Status.CRITICAL, None) == {"changes": 0, "flapping": False}


def test_judged_again_time_alone_changes_what_is_believed_and_since_when() -> None:
    lasting = Policy(FailAfter(critical=Count(seconds=60.0)), patience=1000.0)
    down = Result(Status.CRITICAL, "down")
    state = State("web", decided=Status.OK, decided_since=5, bad=1, counted_at=1000, changes=1)
    early = judge_again(state, down, lasting, 60_999)
    assert (early.state.decided, early.state.decided_since, early.state.changes) == (Status.OK, 5, 1)
    late = judge_again(state, down, lasting, 61_000)
    assert (late.state.decided, late.state.decided_since, late.state.changes) == (Status.CRITICAL, 61_000, 0b11)


def test_results_that_come_again_end_the_silence_of_a_pushed_check_that_never_speaks_of_itself() -> None:
    silent = {"": State("backup", decided=Status.NODATA), "db": State("backup", "db", decided=Status.OK)}
    again = Result(Status.OK, "results come again")
    results = (Result(Status.OK, "fine", "db"),)
    outcome = Outcome("backup", 1, 1, 0.0, results, complete=False, pushed=Pushed.LIVE, speaks_for_check=True)
    assert complete_results(silent, outcome) == (*results, again)
    assert complete_results(silent, msgspec.structs.replace(outcome, speaks_for_check=False)) == results
    assert complete_results({"db": silent["db"]}, outcome) == results


def test_judged_again_without_a_word_of_it_nodata_is_counted_as_nodata() -> None:
    lasting = Policy(FailAfter(nodata=Count(seconds=60.0)), flapping=None, patience=1000.0)
    state = State("web", decided=Status.OK, decided_since=5, missing=1, counted_at=1000)
    assert judge_again(state, Result(Status.NODATA, "no answer"), lasting, 61_000).state.decided is Status.NODATA


def test_of_what_was_left_out_only_the_known_is_told_of() -> None:
    states = {"a": State("web", "a")}
    one, known, new = (Result(Status.OK, "fine", subject) for subject in "xab")
    outcome = Outcome("web", 1, 1, 0.0, (one,), left_out=(known, new))
    assert with_known(states, outcome).results == (one, known)
    assert with_known({}, outcome) is outcome


def test_who_is_gone_for_a_week_is_told_so() -> None:
    gone = State("web", "a", decided=Status.NODATA, decided_since=1000)
    outcome = Outcome("web", 1, 1, 0.0, (Result(Status.OK, "fine", "b"),))
    week = 1000 + round(LONG_GONE_SECONDS * 1000)
    assert find_dropped({"a": gone}, outcome, week) == {"a": "is gone for a week, and forgotten"}
    assert find_dropped({"a": gone}, outcome, week - 1) == {}


def test_an_incident_has_the_same_name_in_each_version_and_another_for_each_beginning() -> None:
    state = State("web", "/cart\udcff")
    assert incident_id(state, 3, 1000) == "8d1216cb1d8128d4"
    names = [
        incident_id(State(*about), *when) for about in (("a", "b"), ("ab", "")) for when in ((1, 2), (1, 3), (2, 2))
    ]
    assert len(set(names)) == len(names)
