"""A host whose clock is not set: nothing is told for a while, and what was noted by it is put right. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from agent.engine.recorder.unset_clock import LONGEST_SECONDS, SET_SINCE, UnsetClock, put_right
from agent.model import Reason, State

WALL = 50_000
"""The clock of a host that began at 1970; its monotonic clock says 20 s then."""
THEN = 20.0
NOT_SET = "the clock of this host is not set"


def test_while_it_is_not_set_nothing_is_told_for_five_minutes_at_the_most() -> None:
    clock = UnsetClock()
    assert clock.reasons(WALL, THEN) == (Reason(NOT_SET, WALL + 300_000),)
    assert clock.reasons(WALL + 100_000, THEN + 100) == (Reason(NOT_SET, WALL + 300_000),)
    assert clock.reasons(WALL + 299_999, THEN + LONGEST_SECONDS - 0.001) == (Reason(NOT_SET, WALL + 300_000),)
    assert clock.reasons(WALL + 300_000, THEN + LONGEST_SECONDS) == ()
    assert clock.reasons(WALL + 900_000, THEN + 900) == ()


def test_once_it_is_set_it_is_told_by_how_much_and_that_once() -> None:
    clock = UnsetClock()
    assert clock.reasons(SET_SINCE - 1, THEN)
    assert clock.was_set(SET_SINCE - 1, THEN) == 0
    assert clock.was_set(SET_SINCE + 4999, THEN + 2.0) == 3000
    assert clock.was_set(SET_SINCE + 4999, THEN + 2.0) == 0
    assert clock.reasons(SET_SINCE, THEN) == ()
    assert clock.was_set(SET_SINCE + 9999, THEN) == 0, "it was set all the time"


def test_a_clock_that_is_lost_again_has_five_minutes_again() -> None:
    clock = UnsetClock()
    clock.reasons(WALL, THEN)
    clock.was_set(SET_SINCE, THEN + 1)
    assert clock.reasons(WALL, THEN + 1000) == (Reason(NOT_SET, WALL + 300_000),)


TIMES = ("decided_since", "notified_at", "incident_since", "counted_at", "suppressed_since")


def all_at(moment: int) -> dict[str, Any]:
    return dict.fromkeys(TIMES, moment)


@pytest.mark.parametrize(
    ("noted", "right"), [(0, 0), (1, 1_000_001), (SET_SINCE - 1, SET_SINCE + 999_999), (SET_SINCE, SET_SINCE)]
)
def test_each_moment_that_such_a_clock_noted_is_put_right(noted: int, right: int) -> None:
    before = State("web", "/a", **all_at(noted))
    assert put_right(before, 1_000_000) == State("web", "/a", **all_at(right))
