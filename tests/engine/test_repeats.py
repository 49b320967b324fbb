"""A problem that lasts is told again, under its incident and ever less often."""

from __future__ import annotations

from agent.engine.state.transition import apply_result, incident_id
from agent.model import EventStatus, Policy, Reason, Report, Result, State, Status
from tests.engine.stories import STEADY, play, told


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
