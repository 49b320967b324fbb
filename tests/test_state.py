"""The engine, result by result. Each test is a story of one subject."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.model import FailAfter, Outcome, Policy, Result, State, Status
from agent.state import Step, advance, move

LETTERS = {"o": Status.OK, "w": Status.WARNING, "c": Status.CRITICAL, "n": Status.NODATA}


def play(letters: str, policy: Policy = Policy(), state: State | None = None) -> list[Step]:
    """Feed results named by their first letters, one a second."""
    steps: list[Step] = []
    for second, letter in enumerate(letters):
        before = steps[-1].state if steps else state or State("web")
        steps.append(move(before, Result(LETTERS[letter], letter), policy, second * 1000))
    return steps


def told(letters: str, policy: Policy = Policy()) -> str:
    """The reports of a story: the letter where one was made, a dot where not."""
    return "".join(s.report.status[0] if s.report else "." for s in play(letters, policy))


def fail_after(times: int, recover_after: int = 1) -> Policy:
    return Policy(FailAfter(times, times, times), recover_after)


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
    assert told("cnc", Policy(FailAfter(2, 2, 2))) == "..c"


def test_each_status_can_have_its_own_count() -> None:
    policy = Policy(FailAfter(warning=3, critical=1, nodata=2))
    assert told("owwwnnc", policy) == "...w.nc"
    assert told("oc", policy) == ".c"
    assert told("owc", policy) == "..c"


def test_one_missing_result_does_not_change_a_known_problem() -> None:
    assert told("ccnco", Policy(FailAfter(1, 1, 2))) == "c...o"


def test_recovery_can_ask_for_several_oks_in_a_row() -> None:
    assert told("coocooo", fail_after(1, recover_after=3)) == "c.....o"


def test_nodata_breaks_a_row_of_oks() -> None:
    assert told("coonooo", Policy(FailAfter(1, 1, 2), recover_after=3)) == "c.....o"


def test_a_new_check_believes_its_first_ok_even_when_recovery_asks_for_more() -> None:
    assert play("o", fail_after(1, recover_after=3))[-1].state.decided is Status.OK


def test_a_problem_and_its_recovery_share_an_incident_and_the_next_problem_has_another() -> None:
    reports = [s.report for s in play("cwoc") if s.report]
    assert reports[0].incident == reports[1].incident == reports[2].incident != reports[3].incident


def test_a_report_knows_what_was_told_before_and_since_when() -> None:
    first, second = (s.report for s in play("ooccco") if s.report)
    assert (first.previous, first.since) == (Status.OK, 0)
    assert (second.previous, second.since, second.incident_since) == (Status.CRITICAL, 2000, 2000)


def test_a_problem_from_the_start_has_no_previous_status() -> None:
    assert play("c")[0].report.previous is None  # type: ignore[union-attr]


def test_events_of_a_subject_are_numbered_without_gaps() -> None:
    assert [s.report.sequence for s in play("cocowo") if s.report] == [1, 2, 3, 4, 5, 6]


def test_a_steady_subject_is_one_unchanging_value_so_nothing_need_be_written() -> None:
    for letter in "ocwn":
        last = play(letter * 4, fail_after(3))[-1]
        assert last.before == last.state


def outcome(*results: Result, failed: bool = False) -> Outcome:
    return Outcome("disks", 1, 0, 0.1, results, failed)


def test_a_subject_that_disappears_becomes_nodata() -> None:
    states = {"/": State("disks", "/", decided=Status.OK), "/mnt": State("disks", "/mnt", decided=Status.OK)}
    steps = advance(states, outcome(Result(Status.OK, "fine", "/")), Policy(), 5)
    assert [(s.state.subject, s.state.decided) for s in steps] == [("/", Status.OK), ("/mnt", Status.NODATA)]
    assert steps[1].report is not None


def test_a_run_that_failed_as_a_whole_says_nothing_of_the_subjects_it_did_not_reach() -> None:
    states = {"/": State("disks", "/", decided=Status.OK)}
    steps = advance(states, outcome(Result(Status.NODATA, "timed out"), failed=True), Policy(), 5)
    assert [(s.state.subject, s.state.decided) for s in steps] == [("", Status.NODATA)]


def test_a_check_that_failed_as_a_whole_recovers_with_its_next_good_run() -> None:
    states = {s: State("disks", s, decided=d) for s, d in (("", Status.NODATA), ("/", Status.OK))}
    steps = advance(states, outcome(Result(Status.OK, "fine", "/")), Policy(), 5)
    assert [(s.state.subject, s.state.decided) for s in steps] == [("/", Status.OK), ("", Status.OK)]


policies = st.builds(
    Policy,
    st.builds(FailAfter, st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 4),
)
streams = st.text("owcn", max_size=40)


@given(streams, policies)
def test_what_was_told_last_is_what_is_believed(letters: str, policy: Policy) -> None:
    for s in play(letters, policy):
        assert (s.state.reported or Status.OK) == (s.state.decided or Status.OK)


@given(streams, policies)
def test_no_status_is_told_twice_in_a_row(letters: str, policy: Policy) -> None:
    reports = told(letters, policy).replace(".", "")
    assert all(one != next_ for one, next_ in zip("o" + reports, reports, strict=False))


@given(streams, policies)
def test_nothing_is_told_that_no_result_said(letters: str, policy: Policy) -> None:
    for s in play(letters, policy):
        assert s.report is None or s.report.status == s.result.status


@given(streams, policies)
def test_a_restart_after_every_result_changes_no_report(letters: str, policy: Policy) -> None:
    state = State("web")
    for second, whole in enumerate(play(letters, policy)):
        again = move(state, whole.result, policy, second * 1000)
        assert again.report == whole.report
        state = msgspec.json.decode(msgspec.json.encode(again.state), type=State)
