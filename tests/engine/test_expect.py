"""Checks that give no result become nodata by themselves; an agent that stood still takes no check for silent."""

from __future__ import annotations

import msgspec
import pytest

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.engine.staleness import StalenessMonitor
from agent.model import Outcome, Result, Status

WEB = CheckConfig("web", "none", Check(), Place("a.yaml"), interval=60.0, timeout=10.0)


def expecting(*checks: CheckConfig) -> StalenessMonitor:
    expectations = StalenessMonitor()
    expectations.update(checks or (WEB,), 0.0)
    return expectations


def silent(expectations: StalenessMonitor, begin: float, end: float) -> list[float]:
    """Look whenever a look is planned, as the recorder does; return when a check was taken for silent."""
    found = []
    now = max(begin, expectations.next_look)
    while now <= end:
        found += [now for _ in expectations.overdue(now, 0)]
        now = max(now, expectations.next_look)
    return found


def test_a_check_is_silent_after_its_interval_its_timeout_and_some_slack_and_again_every_time() -> None:
    assert silent(expecting(), 0, 160) == [75.0, 150.0]


def test_a_result_in_time_begins_a_new_window() -> None:
    expectations = expecting()
    assert silent(expectations, 0, 70) == []
    expectations.note_result("web", 70.0)
    assert silent(expectations, 70, 200) == [145.0]


def test_only_the_silent_check_is_silent() -> None:
    quick = CheckConfig("quick", "none", Check(), Place("a.yaml"), interval=1.0, timeout=0.5)
    expectations = expecting(WEB, quick)
    assert [outcome.check for outcome in expectations.overdue(6.0, 0)] == []
    assert [outcome.check for outcome in expectations.overdue(6.5, 0)] == ["quick"]


def test_silence_is_nodata_of_the_check_itself_and_says_how_long_it_lasts() -> None:
    expectations = expecting()
    assert silent(expectations, 0, 70) == []
    (outcome,) = expectations.overdue(75.0, 5000)
    said = Result(Status.NODATA, "no result for 1m 15s")
    assert outcome == Outcome("web", 0, 5000, 0.0, (said,), complete=False)


def test_a_reload_neither_excuses_nor_accuses() -> None:
    expectations = expecting()
    assert silent(expectations, 0, 70) == []
    expectations.update([WEB], 70.0)
    assert silent(expectations, 70, 80) == [75.0]


@pytest.mark.parametrize("begin", [1, 30, 59, 62, 64.9, 66, 74.9])
@pytest.mark.parametrize("seconds", [3, 15, 18, 21, 100, 100_000])
def test_an_agent_that_stood_still_gives_each_check_the_time_to_run(begin: float, seconds: float) -> None:
    expectations = expecting()
    assert silent(expectations, 0, begin) == []
    awake = begin + seconds
    assert silent(expectations, awake, awake + 9.9 if awake > 75 else 74.9) == []
    expectations.note_result("web", awake + 9.9)
    assert silent(expectations, awake + 9.9, awake + 60) == []


def test_another_interval_counts_from_the_last_result_and_a_shorter_one_from_the_reload_at_the_earliest() -> None:
    for interval, reload_at, suspected in (
        (120.0, 30.0, 125.0),
        (10.0, 30.0, 45.0),
        (10.0, 60.0, 65.0),
        (40.0, 1.0, 46.0),
    ):
        expectations = expecting()
        other = msgspec.structs.replace(WEB, interval=interval, timeout=7.0)
        expectations.update([other], reload_at)
        found = silent(expectations, reload_at, 1000.0)
        assert found[0] == suspected + 7.0, (interval, reload_at)
        assert found[1] - found[0] == interval + 5.0 + 7.0
        expectations.note_result("web", 1000.0)
        assert silent(expectations, 1000.0, 1000.0 + interval + 12.0) == [1000.0 + interval + 12.0]


def test_over_a_restart_silence_counts_from_the_last_result_but_a_first_turn_is_waited_for() -> None:
    for last, suspected in ((-40.0, 25.0), (-60.0, 15.0), (-5000.0, 15.0), (30.0, 65.0)):
        expectations = StalenessMonitor()
        expectations.update([WEB], 0.0, {"web": last})
        assert silent(expectations, 0.0, 90.0)[:1] == [suspected + 10.0], last


def test_a_look_that_is_a_second_late_still_believes_and_a_later_one_asks_once_more() -> None:
    for late, believed in ((1.0, True), (1.01, False)):
        expectations = expecting()
        assert expectations.overdue(65.0, 0) == []
        assert bool(expectations.overdue(75.0 + late, 0)) is believed
