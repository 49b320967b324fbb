"""The engine, result by result: what is believed and told, how often it must be seen, and what holds it back."""

from __future__ import annotations

import msgspec
import pytest

from agent.api import PercentAbove, judge
from agent.engine.state.transition import Transition, apply_result, judge_again
from agent.model import Count, EventStatus, FailAfter, Policy, Result, State, Status
from tests.engine.stories import ICINGA, STEADY, fail, fail_after, play, told


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


# --- subjects that are not asked for any more -------------------------------------------------------------------------


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
