"""Turns that pass while nobody can take them: the clock is set past them, or their file cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Check
from agent.config.diff import Difference
from agent.config.settings import CheckConfig, Place
from agent.model import Pushed, Result, Status
from agent.running.due_list import DueList
from agent.running.schedule import Schedule
from agent.running.triggers import SOON_SECONDS, Every, trigger_of
from agent.store import LastRun, Store
from tests.engine.deciding import House, bad, broken, pushed, run_by_agent
from tests.examples import examples

NIGHT = datetime(2027, 5, 2, 3, 30, tzinfo=UTC)


def nightly(**settings: Any) -> CheckConfig:
    return CheckConfig("nightly", "none", Check(), Place("x.yaml"), cron="30 3 * * *", timezone="UTC", **settings)


@pytest.mark.parametrize(
    ("before", "after", "turn"),
    [
        ("03:29:50", "03:31:00", "03:30"),
        ("01:00:00", "09:00:00", "03:30"),  # as a machine that was suspended
        ("01:00:00", "03:00:00", "03:30"),
        ("03:31:00", "09:00:00", "27:30"),  # it had its turn
        ("03:31:00", "01:00:00", "03:30"),  # the clock says once more that it is time
    ],
)
def test_a_turn_that_the_clock_is_set_past_comes_at_once_and_once(before: str, after: str, turn: str) -> None:
    due, began, set_to = DueList(NIGHT), moment(before), moment(after)
    due.add(nightly(), trigger_of(nightly(), began, began), began)
    due.move(set_to - began, set_to)
    assert due.at("nightly") == moment(f"{turn}:00")
    due.take(set_to)
    at = due.at("nightly")
    assert at
    assert at > set_to


@pytest.mark.parametrize(
    ("set_to", "turn"),
    [
        ("09:00:00", "09:00:05"),  # suspended for hours: soon, in the order in which they were due
        ("02:20:00", "02:30:00"),  # by the clock on the wall
        ("01:00:00", "01:30:00"),  # an interval is a span
    ],
)
def test_an_hourly_check_waits_no_longer_because_the_machine_was_suspended(set_to: str, turn: str) -> None:
    due, began, now = DueList(NIGHT), moment("02:00:00"), moment(set_to)
    hourly = msgspec.structs.replace(nightly(), cron="", interval=3600.0)
    due.add(hourly, Every(moment("01:30:00"), 3600.0, moment("02:30:00")), began)
    due.move(now - began, now)
    assert due.at("nightly") == moment(turn)


@examples(100)
@given(
    st.sampled_from([1.0, 60.0, 3600.0, 86_400.0, 604_800.0]),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 2), st.sampled_from([0.5, 60.0, 4000.0, 90_000.0, 700_000.0])), max_size=6),
)
def test_however_a_machine_is_suspended_a_check_waits_for_its_interval_at_most_or_comes_soon_after_it(
    interval: float, phase: float, story: list[tuple[float, float]]
) -> None:
    """Each of `story`: for how many intervals the machine is awake, and for how many seconds it is suspended then."""
    due, now = DueList(NIGHT), NIGHT
    first = NIGHT + timedelta(seconds=phase * interval)
    due.add(msgspec.structs.replace(nightly(), cron="", interval=interval), Every(first, interval, first), now)
    last_run = resumed = now
    for awake, suspended in [*story, (2.0, 0.0)]:
        end = now + timedelta(seconds=awake * interval)
        while (at := due.at("nightly")) and at <= end:
            latest = max(last_run + timedelta(seconds=interval), resumed + timedelta(seconds=SOON_SECONDS))
            assert at <= latest + timedelta(milliseconds=1)
            now = last_run = max(at, now)
            due.take(now)
        now = resumed = end + timedelta(seconds=suspended)
        due.move(timedelta(seconds=suspended), now)


@pytest.mark.parametrize(
    ("set_to", "retry"),
    [("02:00:03", "02:00:33"), ("01:00:00", "01:00:30"), ("03:29:50", "03:30:00"), ("03:29:20", "03:29:50")],
)
def test_a_retry_comes_after_its_span_though_the_clock_is_set(set_to: str, retry: str) -> None:
    due, began = DueList(NIGHT), moment("02:00:00")
    due.add(nightly(), trigger_of(nightly(), began, began), began)
    due.not_later("nightly", began + timedelta(seconds=30))
    due.move(moment(set_to) - began, moment(set_to))
    assert due.at("nightly") == moment(retry)


def moment(clock: str) -> datetime:
    hours, minutes, seconds = map(int, clock.split(":"))
    return NIGHT.replace(hour=0, minute=0) + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def test_a_clock_that_was_never_set_named_no_turn() -> None:
    never = datetime(1970, 1, 1, 0, 2, tzinfo=UTC)
    due = DueList(never)
    due.add(nightly(), trigger_of(nightly(), never, never), never)
    due.move(NIGHT - never + timedelta(hours=1), NIGHT + timedelta(hours=1))
    assert due.at("nightly") == NIGHT + timedelta(days=1)


@pytest.mark.parametrize(
    ("last_days_ago", "mended", "is_soon"),
    [(None, (), False), (None, ("nightly",), True), (40, (), True), (0, (), False), (0, ("nightly",), True)],
)
def test_a_check_whose_file_could_not_be_read_makes_up_for_its_turn_and_one_that_was_wrong_runs_soon(
    last_days_ago: int | None, mended: tuple[str, ...], is_soon: bool
) -> None:
    now = datetime.now(UTC)
    monthly = CheckConfig("nightly", "none", Check(), Place("x.yaml"), cron=f"0 0 {(now.day + 14) % 28 + 1} * *")
    last = {} if last_days_ago is None else {"nightly": _milliseconds(now - timedelta(days=last_days_ago))}
    schedule = Schedule()
    schedule.begin(lambda *turn: None, [], last=last)
    schedule.update(Difference({"nightly": monthly}, {}, frozenset()), mended)
    assert (schedule.next_run("nightly") <= _milliseconds(now) + (SOON_SECONDS + 5) * 1000) is is_soon
    schedule.stop()


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def test_what_the_agent_itself_said_of_a_check_is_no_run_of_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    said, ran = Result(Status.NODATA, "unknown setting"), Result(Status.OK, "well", "/a")
    store.note([LastRun("wrong", "", said, 2000, 0.0, 0, is_no_run=True)])
    store.note([LastRun("wrong", "/a", ran, 1000, 0.1, 0), LastRun("well", "", ran, 3000, 0.1, 0)])
    assert store.last_ran() == {"wrong": 0, "well": 3000}
    store.close()


def test_it_is_noted_whether_a_result_is_of_a_run() -> None:
    house = House(broken("wrong"), run_by_agent("web"), pushed("backup"))
    house.take("wrong", bad(), kind="")
    house.take("web", bad("/a"))
    house.take("web", bad(), kind="", complete=False)
    house.take("backup", bad(), kind="", pushed=Pushed.LIVE)
    notes = {key: note.is_no_run for key, note in house.buffer.notes.items()}
    assert notes == {("wrong", ""): True, ("web", "/a"): False, ("web", ""): True, ("backup", ""): False}
