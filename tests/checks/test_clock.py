"""The clock check: what adjtimex tells in, judgement out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.api import Context, DurationAbove, Result, Status
from agent.plugin.results import gather
from agent.testing import ran
from checks.clock import Clock, Reading, ask_chrony, ask_kernel, read_timex, read_tracking

# status, offset, maxerror as hosts told them.
TIMESYNCD = read_timex(0x2001, -1234567, 275500)
CHRONY = read_timex(0x2000, 0, 12871)
NTPD_OLD_KERNEL = read_timex(0x0001, 350000, 400000)
CHRONY_WITHOUT_RTCSYNC = read_timex(0x2040, 0, 4000)
NEVER_SYNCHRONISED = read_timex(0x0040, 0, 16000000)
TRACKING = (
    "C0A80101,192.168.1.1,3,1795672801.123456789,{offset},-0.0002,0.0003,-10.5,-0.0,0.02,0.01,0.005,64.2,{leap}\n"
)


def assess(told: Reading, settings: Clock | None = None, memory: dict[str, Any] | None = None) -> Result:
    (result,) = gather((settings or Clock()).assess(told, {} if memory is None else memory))
    return result


def test_the_unit_of_the_offset_is_in_the_status() -> None:
    assert Reading(True, -0.001234567, 0.2755) == TIMESYNCD
    assert Reading(True, 0.35, 0.4) == NTPD_OLD_KERNEL


def test_a_clock_that_is_kept_right_is_ok() -> None:
    one = assess(TIMESYNCD)
    assert (one.status, one.summary) == (Status.OK, "clock synchronised, off by 1.23ms, at most 276ms")
    assert {metric.name: metric.unit for metric in one.metrics} == {"offset": "s", "max_error": "s"}
    assert assess(CHRONY).status is Status.OK


def test_a_clock_that_chrony_keeps_without_rtcsync_is_synchronised() -> None:
    one = assess(CHRONY_WITHOUT_RTCSYNC, Clock(synchronised=True))
    assert (one.status, one.summary) == (Status.OK, "clock synchronised, at most 4ms")


@pytest.mark.parametrize("status", [0x0040, 0x2040, 0x0041, 0x2041])
@pytest.mark.parametrize("error", [16_000_000, 16_000_500])
def test_a_clock_that_nobody_keeps_is_not_synchronised(status: int, error: int) -> None:
    assert not read_timex(status, 0, error).synchronised


@pytest.mark.parametrize("offset", ["5.000000000", "-5.000000000"])
def test_chrony_tells_what_it_still_has_to_correct(offset: str) -> None:
    told = read_tracking(CHRONY, TRACKING.format(offset=offset, leap="Normal"))
    one = assess(told, Clock(offset_critical=DurationAbove.parse("1s")))
    assert (one.status, one.summary.partition(",")[0]) == (Status.CRITICAL, "off by 5s (critical from 1s)")


def test_chrony_s_word_outweighs_the_kernel_s_flag() -> None:
    told = read_tracking(CHRONY, TRACKING.format(offset="0.0", leap="Not synchronised"))
    assert assess(told, Clock(synchronised=True)).status is Status.CRITICAL


@pytest.mark.parametrize("text", ["", "506 Cannot talk to daemon\n", "a,b,c,d,e,f\n", "1,2,3\n"])
def test_an_answer_of_chrony_that_is_none_changes_nothing(text: str) -> None:
    assert read_tracking(CHRONY, text) == CHRONY


def test_an_offset_that_nobody_tells_is_nodata_where_it_was_asked_for() -> None:
    assert assess(CHRONY).status is Status.OK
    assert assess(CHRONY).summary == "clock synchronised, at most 12.9ms"
    for asked in (Clock(offset_critical=DurationAbove.parse("1s")), Clock(offset_warning=DurationAbove.parse("1s"))):
        assert assess(CHRONY, asked).status is Status.NODATA
    assert assess(CHRONY, Clock(offset_warning=None)).status is Status.OK


def test_chronyc_is_asked_under_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "chronyc"
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program.write_text(f"#!/bin/sh\necho '{TRACKING.format(offset='0.7', leap='Normal').strip()}'\n")
    program.chmod(0o755)
    assert ask_chrony(CHRONY, Context(timeout=20)).offset == 0.7
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    assert ask_chrony(CHRONY, Context(timeout=0.3)) == CHRONY


def test_a_clock_that_is_off_is_bad_in_either_direction() -> None:
    assert assess(NTPD_OLD_KERNEL).summary == "off by 350ms (warning from 200ms), clock synchronised, at most 400ms"
    assert assess(Reading(True, -0.35, 0.4)).status is Status.WARNING


def test_a_clock_that_the_hypervisor_keeps_is_ok_and_not_measured() -> None:
    one = assess(NEVER_SYNCHRONISED)
    assert (one.status, one.summary, one.metrics) == (Status.OK, "clock not synchronised by NTP", ())


def test_a_clock_that_was_kept_right_and_is_no_more_is_a_warning() -> None:
    memory: dict[str, Any] = {}
    assess(CHRONY, memory=memory)
    assert assess(NEVER_SYNCHRONISED, memory=memory).status is Status.WARNING
    assert assess(NEVER_SYNCHRONISED, Clock(synchronised=False), memory).status is Status.OK
    assert assess(CHRONY, memory=memory).status is Status.OK


def test_a_clock_that_must_be_kept_right_is_critical_from_the_start() -> None:
    assert assess(NEVER_SYNCHRONISED, Clock(synchronised=True)).status is Status.CRITICAL


def test_a_source_that_went_away_shows_in_the_possible_error() -> None:
    one = assess(Reading(True, 0.0, 6.5), Clock(error_warning=DurationAbove.parse("5s")))
    assert one.summary == "at most 6.5s (warning from 5s), clock synchronised, off by 0ms"


@pytest.mark.parametrize("nothing", [None, False])
def test_this_host_has_a_clock(nothing: bool | None) -> None:
    assert ask_kernel().max_error > 0
    result = ran(Clock(synchronised=nothing, offset_warning=None)).result
    assert result.status is Status.OK
