"""Whatever results come under whatever policy: what was told last is true, numbered and as after a restart."""

from __future__ import annotations

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from agent.engine.state.transition import apply_result, is_recovering
from agent.model import Count, EventStatus, FailAfter, Policy, Reason, State
from tests.engine.stories import ICINGA, NAGIOS, fail_after, play

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
@example("Co", fail_after(1, recover_after=2))
def test_whenever_nothing_suppresses_what_was_told_last_is_what_is_true(letters: str, policy: Policy) -> None:
    for letter, s in zip(letters, play(letters, policy), strict=True):
        truth = EventStatus.FLAPPING if s.state.flapping else s.state.decided or "ok"
        if letter.isupper():
            assert s.report is None
        elif not is_recovering(s.state):  # what was held back and is about to end is told once it gets bad again
            assert (s.state.notified or "ok") == truth


@given(streams, policies)
@example("Wc", fail_after(1))
def test_no_news_has_the_status_that_was_told_before(letters: str, policy: Policy) -> None:
    last: str = "ok"
    for s in play(letters, policy):
        if s.report:
            assert (s.report.status != last) != bool(s.report.repeat)
            assert s.report.previous in (last, None), "what was held back was told to nobody"
            assert s.report.previous == last or s.report.sequence == 1
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
