"""A level for a number that cannot be read is not passed over: nodata. Without the level nothing changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from agent.api import DurationAbove, NumberAbove, PercentAbove, Result, Status, judge
from agent.plugin.results import gather
from checks.clock import Clock, read_timex, read_tracking
from checks.load import Load, is_stopped
from checks.memory import Memory, read_container, read_host
from checks.raid import Raid
from checks.raid.finding import Finding
from checks.systemd import Systemd
from checks.systemd.units import by_name
from tests.checks.test_clock import CHRONY, TRACKING
from tests.checks.test_memory import LAPTOP, VMSTAT

PERCENT = PercentAbove.parse("80%")
NUMBER = NumberAbove.parse(3)
SECOND = DurationAbove.parse("1s")
ENOUGH = LAPTOP.replace("MemAvailable:    1047012 kB", "MemAvailable:    9047012 kB")
UNSYNCHRONISED = read_timex(0x0040, 0, 16_000_000)


def without(text: str, word: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if word not in line)


def of_memory(meminfo: str, vmstat: str = VMSTAT, **settings: Any) -> list[Result]:
    return list(gather(Memory(**settings).assess(read_host(meminfo, vmstat), {}, 0)))


def of_container(**settings: Any) -> list[Result]:
    seen = read_container("1073741824", "1048576", "oom_kill 0\n", "", read_host(ENOUGH, VMSTAT))
    assert seen
    return list(gather(Memory(**settings).assess(seen, {}, 0)))


def of_clock(seen: Any, **settings: Any) -> list[Result]:
    return list(gather(Clock(**settings).assess(seen, {})))


def of_raid(**settings: Any) -> list[Result]:
    found = Finding(Result(Status.OK, "is whole", "tank"), "zfs", "", None)
    return list(gather(Raid(**settings).report([found])))


def of_systemd(unit: str, **settings: Any) -> list[Result]:
    shown = f"Id={unit}\nLoadState=loaded\nActiveState=active\nSubState=running\nResult=success\n"
    units = by_name([unit], shown)
    return list(gather(Systemd(unit=unit, **settings).assess(units, {}, 0.0, 0.0)))


CASES: dict[str, tuple[Callable[..., list[Result]], tuple[Any, ...], dict[str, Any]]] = {
    "swap without SwapFree": (of_memory, (without(ENOUGH, "SwapFree"),), {"swap_critical": PERCENT}),
    "swap without SwapTotal": (of_memory, (without(ENOUGH, "SwapTotal"),), {"swap_warning": PERCENT}),
    "swap of a container": (of_container, (), {"swap_critical": PERCENT}),
    "kills that are not counted": (of_memory, (ENOUGH, ""), {"oom_kills_critical": NUMBER}),
    "offset of a clock that nobody keeps": (of_clock, (UNSYNCHRONISED,), {"offset_critical": SECOND}),
    "offset that chrony does not know": (
        of_clock,
        (read_tracking(CHRONY, TRACKING.format(offset="nan", leap="Normal")),),
        {"offset_critical": SECOND},
    ),
    "errors of a pool that nobody may ask": (of_raid, (), {"errors_warning": NUMBER}),
    "restarts under an old systemd": (of_systemd, ("web.service",), {"restarts_critical": NUMBER}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_level_whose_number_cannot_be_read_is_nodata(case: str) -> None:
    look, given, settings = CASES[case]
    assert Status.NODATA in {one.status for one in look(*given, **settings)}
    assert {one.status for one in look(*given)} == {Status.OK}


def test_what_there_is_none_of_passes_no_level() -> None:
    none = ENOUGH.replace("SwapTotal:       4194300", "SwapTotal:       0").replace(
        "SwapFree:         419430", "SwapFree: 0"
    )
    assert {one.status for one in of_memory(none, swap_critical=PERCENT)} == {Status.OK}
    assert {one.status for one in of_systemd("a.timer", restarts_critical=NUMBER)} == {Status.OK}


def test_the_possible_error_of_a_clock_that_nobody_keeps_is_judged_where_asked() -> None:
    (one,) = of_clock(UNSYNCHRONISED, error_critical=SECOND, synchronised=False)
    assert one.status is Status.CRITICAL


def test_a_value_that_is_no_number_is_nodata_whatever_its_levels() -> None:
    for levels in ((None, None), (NUMBER, None), (NUMBER, NUMBER)):
        assert judge("x", math.nan, *levels).status is Status.NODATA
    assert judge("x", math.inf, NUMBER, NUMBER).status is Status.CRITICAL


def test_counters_that_stand_still_for_a_minute_are_none() -> None:
    memory: dict[str, Any] = {}
    assert [is_stopped(memory, "boot", [0] * 8, now) for now in (0.0, 30.0, 59.0, 60.0)] == [False] * 3 + [True]
    assert not is_stopped(memory, "boot", [1] * 8, 61.0)
    assert not is_stopped(memory, "boot", [1] * 8, 20.0), "a clock set back"
    assert not is_stopped(memory, "another", [1] * 8, 500.0)
    assert Load(cpu_critical=PERCENT)._asks_for_cpu
    assert not Load()._asks_for_cpu
