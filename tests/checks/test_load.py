"""The load check: texts of /proc in, judgement out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.api import CheckError, NumberAbove, PercentAbove, Result, Status
from agent.plugin.results import gather
from agent.testing import ran
from checks.load import Load, cpu_ticks, measure_use

# A virtual server with two cores, Linux 6.1, up for some days.
STAT = """\
cpu  4705356 102 584120 91215300 120443 0 20310 55120 0 0
cpu0 2352678 51 292060 45607650 60221 0 10155 27560 0 0
cpu1 2352678 51 292060 45607650 60222 0 10155 27560 0 0
intr 1462898 120 0 0 0
ctxt 115315
btime 1769041106
processes 86031
procs_running 6
procs_blocked 3
softirq 2362 0 0
"""
LOADAVG = "8.40 8.20 8.10 7/625 30038\n"


def assess(load: Load, loadavg: str = LOADAVG, stat: str = STAT, borrowed: bool = False) -> Result:
    (result,) = gather(load.assess_load(loadavg, stat, borrowed))
    return result


def test_the_load_is_judged_per_core() -> None:
    result = assess(Load())
    assert (result.status, result.summary) == (
        Status.WARNING,
        "load 4.05 per core over 15 min (warning from 4), load 8.40, 8.20, 8.10 on 2 cores",
    )
    assert {metric.name: metric.value for metric in result.metrics} == {"load1": 4.2, "load5": 4.1, "load15": 4.05}


def test_a_high_load_says_whether_it_wants_cpu_or_waits_for_disks() -> None:
    assert assess(Load()).details == "now 6 running, 3 waiting for a disk"


def test_a_busy_host_is_ok() -> None:
    result = assess(Load(), "3.10 2.80 2.40 3/700 4711\n")
    assert (result.status, result.summary) == (Status.OK, "load 3.10, 2.80, 2.40 on 2 cores")
    assert not result.details


def test_each_average_has_levels_of_its_own() -> None:
    load = Load(load1_critical=NumberAbove.parse(4), load5_warning=NumberAbove.parse(4), load15_warning=None)
    assert assess(load).summary == (
        "load 4.2 per core over 1 min (critical from 4), load 4.1 per core over 5 min (warning from 4), "
        "load 8.40, 8.20, 8.10 on 2 cores"
    )


def test_the_load_of_a_host_is_not_divided_by_the_cores_of_a_container() -> None:
    for check in (Load(load1_warning=NumberAbove.parse(2)), Load(load15_critical=NumberAbove.parse(20))):
        assert assess(check, borrowed=True).status is Status.NODATA
    assert assess(Load(load15_warning=None, load15_critical=None), borrowed=True).status is Status.OK
    result = assess(Load(), borrowed=True)
    assert (result.status, result.summary) == (Status.OK, "load 8.40, 8.20, 8.10 of the whole host, not judged")


def test_a_host_of_one_core_has_one_core() -> None:
    assert assess(Load(), "0.01 0.02 0.03 1/90 17\n", "cpu  1 2 3 4\ncpu0 1 2 3 4\n").summary.endswith("on 1 core")


def ticks(user: int = 0, idle: int = 0, iowait: int = 0, steal: int = 0) -> list[int]:
    return [user, 0, 0, idle, iowait, 0, 0, steal]


def test_guests_are_not_counted_twice_and_an_old_kernel_lacks_steal() -> None:
    assert cpu_ticks("cpu  10 1 2 30 4 5 6 7 8 9\n") == [10, 1, 2, 30, 4, 5, 6, 7]
    assert cpu_ticks("cpu  10 1 2 30 4 5 6\n") == [10, 1, 2, 30, 4, 5, 6, 0]


def test_cpu_use_needs_two_runs_of_one_boot() -> None:
    memory: dict[str, Any] = {}
    assert measure_use(memory, "a", ticks(1000, 1000)) == {}
    assert measure_use(memory, "a", ticks(1300, 1600, 80, 20)) == {"cpu": 30, "iowait": 8, "steal": 2}
    assert measure_use(memory, "b", ticks(9000, 9000, 9000, 9000)) == {}, "another boot counts anew"


def test_a_counter_that_goes_backwards_is_a_new_baseline() -> None:
    memory: dict[str, Any] = {}
    measure_use(memory, "a", ticks(5000, 5000))
    assert measure_use(memory, "a", ticks(100, 100)) == {}
    assert measure_use(memory, "a", ticks(600, 600)) == {"cpu": 50, "iowait": 0, "steal": 0}


def test_a_run_a_moment_after_the_last_says_nothing_of_cpu_and_forgets_nothing() -> None:
    memory: dict[str, Any] = {}
    measure_use(memory, "a", ticks(0, 0))
    assert measure_use(memory, "a", ticks(50, 0)) == {}
    assert measure_use(memory, "a", ticks(50, 150))["cpu"] == 25


def test_waiting_that_the_kernel_took_back_makes_no_negative_number() -> None:
    memory: dict[str, Any] = {}
    measure_use(memory, "a", ticks(0, 0, 500))
    assert measure_use(memory, "a", ticks(700, 300, 490)) == {"cpu": 70, "iowait": 0, "steal": 0}


@given(st.lists(st.lists(st.integers(0, 10**12), min_size=8, max_size=8), max_size=4))
@example([[0] * 8, [0, 0, 98121, 0, 0, 1, 3, 0]])  # the sum of its rounded parts is beyond 100
def test_whatever_the_counters_do_a_percentage_is_one(runs: list[list[int]]) -> None:
    memory: dict[str, Any] = {}
    for run in runs:
        percents = measure_use(memory, "a", run)
        assert all(0 <= percent <= 100 for percent in percents.values())
        assert sum(percents.values()) <= 100.001


def test_on_this_host_the_second_run_knows_the_cpu() -> None:
    first = ran(Load(), memory={"boot": "", "ticks": []})
    memory = first.memory
    assert first.result.status is not Status.NODATA
    assert "cpu" not in {metric.name for metric in first.result.metrics}
    memory["ticks"] = [0] * 8
    check = Load(cpu_warning=PercentAbove.parse("0%"), load15_warning=None, load15_critical=None)
    second = ran(check, memory=memory).result
    assert second.status is Status.WARNING
    assert "% CPU used (warning from 0%)" in second.summary
    assert {"cpu", "iowait", "steal", "load15"} <= {metric.name for metric in second.metrics}


@given(st.text(max_size=40), st.text(max_size=40))
def test_texts_of_no_known_form_are_nodata(loadavg: str, stat: str) -> None:
    for texts in ((loadavg, STAT), (LOADAVG, stat)):
        with pytest.raises(CheckError):
            list(Load().assess_load(*texts))
    with pytest.raises(CheckError):
        cpu_ticks(stat)
