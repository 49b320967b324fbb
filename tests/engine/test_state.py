"""The engine, result by result. Each test is a story of one subject."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import PercentAbove, judge
from agent.engine.state.flapping import is_flapping, percent
from agent.engine.state.subjects import CROWDED_OUT, FORGOTTEN, MOST_KNOWN, UNASKED, find_crowded_out
from agent.engine.state.transition import Transition, advance, apply_result, incident_id, judge_again
from agent.model import (
    Count,
    EventStatus,
    FailAfter,
    Flapping,
    Outcome,
    Policy,
    Reason,
    Report,
    Result,
    State,
    Status,
)

LETTERS = {"o": Status.OK, "w": Status.WARNING, "c": Status.CRITICAL, "n": Status.NODATA}


STEADY = Policy(flapping=None)
"""Without flap detection: stories about other things are longer than it would let them be."""


def play(letters: str, policy: Policy = STEADY, state: State | None = None, seconds: int = 1) -> list[Transition]:
    """Feed results named by their first letters, one every `seconds`; a capital one comes while suppressed."""
    steps: list[Transition] = []
    for number, letter in enumerate(letters):
        before = steps[-1].state if steps else state or State("web")
        reasons = (Reason("silenced"),) if letter.isupper() else ()
        result = Result(LETTERS[letter.lower()], letter)
        steps.append(apply_result(before, result, policy, number * seconds * 1000, reasons))
    return steps


def told(letters: str, policy: Policy = STEADY, seconds: int = 1) -> str:
    """The reports of a story: the letter where one was made, F for flapping, a dot where none was made."""
    return "".join(_letter(step.report) for step in play(letters, policy, seconds=seconds))


def _letter(report: Report | None) -> str:
    if report is None:
        return "."
    return "F" if report.status is EventStatus.FLAPPING else report.status[0]


def fail(warning: int, critical: int, nodata: int) -> FailAfter:
    return FailAfter(Count(warning), Count(critical), Count(nodata))


def fail_after(times: int, recover_after: int = 1) -> Policy:
    return Policy(fail(times, times, times), recover_after, flapping=None)


def test_the_first_ok_of_a_new_check_is_not_told() -> None:
    assert told("ooo") == "..."


def test_a_check_that_starts_bad_is_told() -> None:
    assert told("c") == "c"


def test_every_change_is_told_once() -> None:
    assert told("oocccooowwn") == "..c..o..w.n"


def test_three_failures_are_needed_when_three_are_asked_for() -> None:
    assert told("occoccco", fail_after(3)) == "......co"


def test_warning_and_critical_count_together_like_in_icinga() -> None:
    assert told("owc", fail_after(2)) == "..c"


def test_getting_worse_while_decided_is_told_at_once() -> None:
    assert told("owwwcw", fail_after(3)) == "...wcw"


def test_a_soft_recovery_is_silent() -> None:
    assert told("ococo", fail_after(2)) == "....."


def test_nodata_between_failures_neither_counts_nor_resets() -> None:
    assert told("cnc", Policy(fail(2, 2, 2), flapping=None)) == "..c"


def test_each_status_can_have_its_own_count() -> None:
    policy = Policy(fail(3, 1, 2), flapping=None)
    assert told("owwwnnc", policy) == "...w.nc"
    assert told("oc", policy) == ".c"
    assert told("owc", policy) == "..c"


def test_one_missing_result_does_not_change_a_known_problem() -> None:
    assert told("ccnco", Policy(fail(1, 1, 2), flapping=None)) == "c...o"


def test_recovery_can_ask_for_several_oks_in_a_row() -> None:
    assert told("coocooo", fail_after(1, recover_after=3)) == "c.....o"


def test_nodata_breaks_a_row_of_oks() -> None:
    assert told("coonooo", Policy(fail(1, 1, 2), recover_after=3, flapping=None)) == "c.....o"


def test_a_new_check_believes_its_first_ok_even_when_recovery_asks_for_more() -> None:
    assert play("o", fail_after(1, recover_after=3))[-1].state.decided is Status.OK


def test_a_problem_and_its_recovery_share_an_incident_and_the_next_problem_has_another() -> None:
    reports = [s.report for s in play("cwoc") if s.report]
    assert reports[0].incident == reports[1].incident == reports[2].incident != reports[3].incident


def test_a_report_knows_what_was_told_before_and_since_when() -> None:
    first, second = (s.report for s in play("ooccco") if s.report)
    assert (first.previous, first.since) == (EventStatus.OK, 0)
    assert (second.previous, second.since, second.incident_since) == (EventStatus.CRITICAL, 2000, 2000)


def test_a_recovery_says_since_when_the_problem_was_told_and_not_since_when_it_was_believed() -> None:
    first, second = (s.report for s in play("oCCco") if s.report)
    assert (first.previous, first.since) == (None, 0), "it was not critical before it was critical"
    assert second.since == 3000, "the two before were suppressed"


def test_a_problem_from_the_start_has_no_previous_status() -> None:
    assert play("c")[0].report.previous is None  # type: ignore[union-attr]


def test_events_of_a_subject_are_numbered_without_gaps() -> None:
    assert [s.report.sequence for s in play("cocowo") if s.report] == [1, 2, 3, 4, 5, 6]


def test_a_steady_subject_is_one_unchanging_value_so_nothing_need_be_written() -> None:
    for letter in "ocwn":
        last = play(letter * 4, fail_after(3))[-1]
        assert last.before == last.state


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


def of(times: int, last: int) -> Policy:
    count = Count(times, last)
    return Policy(FailAfter(count, count, count), flapping=None)


def test_three_of_five_need_not_be_in_a_row() -> None:
    assert told("ococoooc", of(3, 5)) == "........"
    assert told("ococc", of(3, 5)) == "....c"


def test_three_of_five_recover_only_when_fewer_than_three_of_the_last_five_are_bad() -> None:
    assert told("cccooo", of(3, 5)) == "..c..o"


def lasting(seconds: float) -> Policy:
    count = Count(seconds=seconds)
    return Policy(FailAfter(count, count, count), flapping=None, patience=60.0)


def test_a_problem_can_have_to_last_for_a_time() -> None:
    assert told("occcccccc", lasting(60), seconds=10) == ".......c."
    assert told("occcocccc", lasting(60), seconds=10) == "........."


def test_what_is_believed_because_time_passed_is_a_change_that_flaps() -> None:
    policy = msgspec.structs.replace(lasting(60), flapping=ICINGA)
    undecided = play("oc", policy)[-1].state
    result = Result(Status.CRITICAL, "c")
    step = judge_again(msgspec.structs.replace(undecided, bad_for=59.0), result, policy, undecided.counted_at + 1000)
    assert (step.state.decided, step.state.changes) == (Status.CRITICAL, 1)
    again = judge_again(step.state, result, policy, undecided.counted_at + 2000)
    assert again.state.changes == 1, "nothing changed"


def test_a_clock_that_jumps_a_day_does_not_make_a_problem_last_longer() -> None:
    first = play("oc", lasting(300))[-1].state
    jumped = apply_result(first, Result(Status.CRITICAL, "c"), lasting(300), 86_400_000)
    assert jumped.report is None
    assert jumped.state.bad_for == 60.0
    back = apply_result(jumped.state, Result(Status.CRITICAL, "c"), lasting(300), 0)
    assert back.state.bad_for == 60.0


# --- flapping: the oracles are those of the documentation of Icinga 2 and Nagios 4 ------------------------------------

ICINGA = Flapping("icinga", 25, 30)
NAGIOS = Flapping("nagios", 5, 20)


@pytest.mark.parametrize(
    ("formula", "recent", "expected"),
    [
        ("nagios", 2, 12.4), ("nagios", 3, 18.4), ("nagios", 4, 24.2), ("nagios", 5, 29.9), ("nagios", 6, 35.5),
        ("icinga", 2, 11.7), ("icinga", 3, 17.4), ("icinga", 4, 23.0), ("icinga", 5, 28.5), ("icinga", 6, 33.9),
    ],
)  # fmt: skip
def test_the_latest_changes_weigh_what_the_originals_make_them_weigh(
    formula: str, recent: int, expected: float
) -> None:
    assert percent((1 << recent) - 1, formula) == pytest.approx(expected, abs=0.051)


def test_icinga_begins_at_the_sixth_change_and_nagios_at_the_fourth() -> None:
    assert told("ocococo", Policy(flapping=ICINGA)) == ".cococF"
    assert told("ococo", Policy(flapping=NAGIOS)) == ".cocF"


def test_flapping_ends_after_fifteen_or_nineteen_steady_results_and_then_the_truth_is_told() -> None:
    assert told("ocococo" + "o" * 15, Policy(flapping=ICINGA)) == ".cococF" + "." * 14 + "o"
    assert told("ococo" + "o" * 19, Policy(flapping=NAGIOS)) == ".cocF" + "." * 18 + "o"


def test_the_problem_that_flapping_ends_in_is_told_though_it_was_told_before() -> None:
    assert told("ococococ" + "c" * 15, Policy(flapping=ICINGA)) == ".cococF" + "." * 15 + "c"


@pytest.mark.parametrize(("formula", "begins"), [("icinga", False), ("nagios", True)])
def test_flapping_ends_at_its_lower_bound_and_begins_at_or_above_its_upper_one(formula: str, begins: bool) -> None:
    bounds = Flapping(formula, 25.0, 30.0)
    assert not is_flapping(True, 25.0, bounds)
    assert is_flapping(True, 25.1, bounds)
    assert is_flapping(False, 30.0, bounds) is begins
    assert is_flapping(False, 30.1, bounds)
    assert not is_flapping(False, 29.9, bounds)


def test_blips_that_fail_after_swallows_are_no_flapping() -> None:
    assert "F" not in told("oc" * 40, Policy(fail(2, 2, 2), flapping=ICINGA))


# --- hysteresis -------------------------------------------------------------------------------------------------------


def disk(percent_used: float, state: State) -> Transition:
    critical = PercentAbove.parse({"raise": "90%", "clear": "85%"})
    return apply_result(state, judge("used", percent_used, None, critical, unit="%"), STEADY, 0)


def test_a_number_raises_above_one_level_and_clears_below_another() -> None:
    seen, state = "", State("disk")
    for used in (84, 86, 89, 90, 91, 89, 85.5, 84.9, 86, 90):
        step_ = disk(used, state)
        state, seen = step_.state, seen + step_.result.status[0]
    assert seen == "ooocccc" + "o" + "o" + "c"


def test_a_held_number_says_that_it_is_held() -> None:
    assert "until it clears" in disk(86, disk(95, State("disk")).state).result.summary


def test_a_look_that_failed_ends_no_problem_that_has_not_cleared() -> None:
    """Above 90% it is critical until it is below 85%, whatever could not be measured between."""
    for failures in range(4):
        state = disk(95, State("disk")).state
        for _ in range(failures):
            state = apply_result(state, Result(Status.NODATA, "not answering"), STEADY, 1).state
        assert disk(87, state).result.status is Status.CRITICAL
        assert disk(84, state).result.status is Status.OK


# --- suppression: the level rule --------------------------------------------------------------------------------------


def test_nothing_is_told_while_suppressed_and_the_truth_is_told_after_it() -> None:
    assert told("oCCcc") == "...c."
    assert told("ccOOo") == "c...o"


def test_problem_and_recovery_within_a_window_yield_nothing() -> None:
    assert told("oCCOOo") == "......"


def test_problem_recovery_and_problem_within_a_window_yield_one_problem_at_its_end() -> None:
    assert told("oCOCc") == "....c"


def test_a_problem_that_gets_worse_within_a_window_is_told_as_it_is_at_the_end() -> None:
    assert told("wWCCw") == "w...."
    assert told("wWCCc") == "w...c"


def test_why_a_change_is_held_back_is_remembered_and_forgotten_when_it_is_told() -> None:
    assert [step.state.suppressed_by for step in play("oOCCcc")] == ["", "", "silenced", "silenced", "", ""]


# --- repeats ----------------------------------------------------------------------------------------------------------


def test_why_it_is_held_back_is_said_in_full_and_forgotten_once_it_is_told_and_a_steady_ok_stays_one_value() -> None:
    bad, well = Result(Status.CRITICAL, "x"), Result(Status.OK, "x")
    held = apply_result(State("web"), bad, STEADY, 1000, (Reason("silenced"), Reason("a window"))).state
    assert (held.suppressed_by, held.suppressed_since) == ("silenced; a window", 1000)
    still = apply_result(held, bad, STEADY, 2000, (Reason("a window"),)).state
    assert (still.suppressed_by, still.suppressed_since) == ("a window", 1000)
    free = apply_result(still, bad, STEADY, 3000).state
    assert (free.suppressed_by, free.suppressed_since) == ("", 0)
    steady = apply_result(free, well, STEADY, 4000).state
    assert steady.good == 0
    assert apply_result(steady, well, STEADY, 5000).state == steady


def test_a_first_problem_says_since_when_it_was_well_and_names_its_incident_by_its_count_and_moment() -> None:
    known = State("web", "/a", decided=Status.OK, decided_since=500, events=4)
    bad = Result(Status.CRITICAL, "x", "/a")
    report = apply_result(known, bad, STEADY, 9000).report
    assert report == Report(EventStatus.CRITICAL, EventStatus.OK, incident_id(known, 5, 9000), 5, 500, 9000)
    assert apply_result(State("web", "/a"), bad, STEADY, 9000).report == Report(
        EventStatus.CRITICAL, None, incident_id(known, 1, 9000), 1, 0, 9000
    )


def test_a_repetition_says_what_is_told_already_as_one_more_event_of_the_incident() -> None:
    known = State(
        "web",
        decided=Status.CRITICAL,
        notified=EventStatus.CRITICAL,
        notified_at=7000,
        incident="i1",
        incident_since=5000,
        events=3,
        repeats=1,
    )
    step = apply_result(known, Result(Status.CRITICAL, "x"), Policy(flapping=None, repeat_every=2.0), 11_000)
    assert step.report == Report(EventStatus.CRITICAL, EventStatus.CRITICAL, "i1", 4, 7000, 5000, repeat=2)
    after = step.state
    assert (after.notified_at, after.events, after.repeats, after.incident_since) == (11_000, 4, 2, 5000)
    over = apply_result(after, Result(Status.OK, "x"), STEADY, 12_000).state
    assert (over.incident, over.incident_since, over.repeats, over.events) == ("", 0, 0, 5)


def test_a_problem_that_lasts_is_told_again_and_ever_less_often() -> None:
    policy = Policy(flapping=None, repeat_every=2.0)
    assert told("occcccccccccccccccc", policy) == ".c.c...c.......c..."
    assert [s.report.repeat for s in play("occccccccc", policy) if s.report] == [0, 1, 2]


def test_a_repeat_keeps_the_incident_and_a_recovery_ends_it() -> None:
    policy = Policy(flapping=None, repeat_every=2.0)
    reports = [s.report for s in play("occcoo", policy) if s.report]
    assert len({report.incident for report in reports}) == 1
    assert [report.status for report in reports] == [EventStatus.CRITICAL, EventStatus.CRITICAL, EventStatus.OK]


def test_a_clock_set_back_does_not_put_the_next_repetition_off_for_hours() -> None:
    policy = Policy(flapping=None, repeat_every=60.0)
    first = apply_result(State("web"), Result(Status.CRITICAL, "c"), policy, 7_200_000).state
    assert apply_result(first, Result(Status.CRITICAL, "c"), policy, 1000).report is not None


def test_a_silence_holds_repeats_too() -> None:
    assert told("cCCCCCcc", Policy(flapping=None, repeat_every=2.0)) == "c.....c."


# --- properties -------------------------------------------------------------------------------------------------------

counts = st.one_of(
    st.builds(Count, st.integers(1, 4)),
    st.integers(1, 5).flatmap(lambda of: st.builds(Count, st.integers(1, of), st.just(of))),
    st.builds(Count, st.integers(1, 2), st.just(0), st.sampled_from([2.0, 3.5])),
)
policies = st.builds(
    Policy,
    st.builds(FailAfter, counts, counts, counts),
    st.integers(1, 4),
    st.sampled_from([None, ICINGA, NAGIOS]),
    st.sampled_from([0.0, 3.0]),
)
streams = st.text("owcnOWCN", max_size=60)


@given(streams, policies)
def test_whenever_nothing_suppresses_what_was_told_last_is_what_is_true(letters: str, policy: Policy) -> None:
    for letter, s in zip(letters, play(letters, policy), strict=True):
        truth = EventStatus.FLAPPING if s.state.flapping else s.state.decided or "ok"
        if letter.islower():
            assert (s.state.notified or "ok") == truth
        else:
            assert s.report is None


@given(streams, policies)
def test_no_news_has_the_status_that_was_told_before(letters: str, policy: Policy) -> None:
    last: str = "ok"
    for s in play(letters, policy):
        if s.report:
            assert (s.report.status != last) != bool(s.report.repeat)
            last = s.report.status


@given(streams, policies)
def test_events_are_numbered_without_gaps_and_incidents_begin_and_end(letters: str, policy: Policy) -> None:
    reports = [s.report for s in play(letters, policy) if s.report]
    assert [report.sequence for report in reports] == list(range(1, len(reports) + 1))
    incident = ""
    for report in reports:
        assert report.incident
        assert incident in ("", report.incident)
        incident = "" if report.status is EventStatus.OK else report.incident


@given(streams, policies)
def test_nothing_is_told_that_no_result_said(letters: str, policy: Policy) -> None:
    for number, s in enumerate(play(letters, policy)):
        if s.report and s.report.status is not EventStatus.FLAPPING:
            assert s.report.status[0] in letters[: number + 1].lower()


@given(streams, policies)
def test_a_restart_after_every_result_changes_no_report(letters: str, policy: Policy) -> None:
    state = State("web")
    for second, (letter, whole) in enumerate(zip(letters, play(letters, policy), strict=True)):
        again = apply_result(
            state, whole.result, policy, second * 1000, (Reason("silenced"),) if letter.isupper() else ()
        )
        assert again.report == whole.report
        state = msgspec.json.decode(msgspec.json.encode(again.state), type=State)


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


@pytest.mark.parametrize("notified", [None, EventStatus.OK, EventStatus.WARNING])
def test_a_problem_that_was_held_back_is_not_told_by_an_ok_though_that_does_not_suffice_to_end_it(
    notified: EventStatus | None,
) -> None:
    held = State("web", decided=Status.CRITICAL, bad=1, notified=notified, suppressed_by="silenced", suppressed_since=1)
    twice = fail_after(1, recover_after=2)
    first = apply_result(held, Result(Status.OK, "well"), twice, 5)
    assert (first.report, first.state.decided, first.state.suppressed_by) == (None, Status.CRITICAL, "")
    again = apply_result(first.state, Result(Status.CRITICAL, "down"), twice, 6)
    assert again.report is not None
    assert again.report.status is EventStatus.CRITICAL
    assert judge_again(first.state, Result(Status.OK, "well"), twice, 6).report is None


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
