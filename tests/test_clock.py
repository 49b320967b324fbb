"""The clock check: what adjtimex tells in, judgement out."""

from __future__ import annotations

from typing import Any

import pytest

from agent.api import DurationAbove, Result, Status
from agent.plugin.results import gathered
from agent.testing import ran
from checks.clock import Clock, Seen, clock, seen

# status, offset, maxerror as hosts told them.
TIMESYNCD = seen(0x2001, -1234567, 275500)
CHRONY = seen(0x2000, 0, 12871)
NTPD_OLD_KERNEL = seen(0x0001, 350000, 400000)
NEVER_SYNCHRONISED = seen(0x0040, 0, 16000000)


def judged(told: Seen, settings: Clock | None = None, memory: dict[str, Any] | None = None) -> Result:
    (result,) = gathered((settings or Clock()).judged(told, {} if memory is None else memory))
    return result


def test_the_unit_of_the_offset_is_in_the_status() -> None:
    assert Seen(True, -0.001234567, 0.2755) == TIMESYNCD
    assert Seen(True, 0.35, 0.4) == NTPD_OLD_KERNEL


def test_a_clock_that_is_kept_right_is_ok() -> None:
    one = judged(TIMESYNCD)
    assert (one.status, one.summary) == (Status.OK, "clock synchronised, off by 1.23ms, at most 276ms")
    assert {metric.name: metric.unit for metric in one.metrics} == {"offset": "s", "max_error": "s"}
    assert judged(CHRONY).status is Status.OK


def test_a_clock_that_is_off_is_bad_in_either_direction() -> None:
    assert judged(NTPD_OLD_KERNEL).summary == "off by 350ms (warning from 200ms), clock synchronised, at most 400ms"
    assert judged(Seen(True, -0.35, 0.4)).status is Status.WARNING


def test_a_clock_that_the_hypervisor_keeps_is_ok_and_not_measured() -> None:
    one = judged(NEVER_SYNCHRONISED)
    assert (one.status, one.summary, one.metrics) == (Status.OK, "clock not synchronised by NTP", ())


def test_a_clock_that_was_kept_right_and_is_no_more_is_a_warning() -> None:
    memory: dict[str, Any] = {}
    judged(CHRONY, memory=memory)
    assert judged(NEVER_SYNCHRONISED, memory=memory).status is Status.WARNING
    assert judged(NEVER_SYNCHRONISED, Clock(synchronised=False), memory).status is Status.OK
    assert judged(CHRONY, memory=memory).status is Status.OK


def test_a_clock_that_must_be_kept_right_is_critical_from_the_start() -> None:
    assert judged(NEVER_SYNCHRONISED, Clock(synchronised=True)).status is Status.CRITICAL


def test_a_source_that_went_away_shows_in_the_possible_error() -> None:
    one = judged(Seen(True, 0.0, 6.5), Clock(error_warning=DurationAbove.parse("5s")))
    assert one.summary == "at most 6.5s (warning from 5s), clock synchronised, off by 0ms"


@pytest.mark.parametrize("nothing", [None, False])
def test_this_host_has_a_clock(nothing: bool | None) -> None:
    assert clock().max_error > 0
    result = ran(Clock(synchronised=nothing, offset_warning=None)).result
    assert result.status is Status.OK
