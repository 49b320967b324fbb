"""When checks are due: spread, grid, retries, cron, and a wall clock that somebody sets."""

from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Check
from agent.config.diff import Difference
from agent.config.settings import CheckConfig, Place
from agent.running.schedule import Schedule
from agent.running.spread import ALONE, FEWEST_SLOTS, INSIDE_SECONDS, MOST_TOGETHER, spread_of
from agent.running.triggers import SOON_SECONDS, Every, due_at, trigger_of
from tests.host import needs

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


class Together(Check):
    """A type whose checks share work."""

    together = True


def config(name: str = "web", check: Check | None = None, **settings: Any) -> CheckConfig:
    return CheckConfig(name, "none", check or Check(), Place("x.yaml"), **settings)


class Turns:
    """Collects turns; `wait` until there are enough."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []
        self._changed = threading.Condition()

    def __call__(self, check: CheckConfig, due: float) -> None:
        with self._changed:
            self.seen.append((check.name, due))
            self._changed.notify_all()

    def wait(self, count: int) -> list[tuple[str, float]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.seen) >= count, 10), self.seen
            return list(self.seen)


def test_checks_are_spread_over_their_interval_and_the_same_after_every_restart() -> None:
    checks = [config(f"check-{n}", interval=60.0) for n in range(300)]
    offsets = [spread_of(checks).offset(check) for check in checks]
    assert offsets == [spread_of(checks).offset(check) for check in checks]
    assert max(Counter(offsets).values()) < 2 * len(checks) / FEWEST_SLOTS
    assert all(0 <= o < 60 for o in offsets)


def test_checks_that_share_work_are_due_at_the_same_moments_whatever_their_interval() -> None:
    first = {
        trigger_of(config(f"p{n}", Together(), interval=float(i)), NOW, NOW).first for n, i in enumerate((10, 20, 60))
    }
    assert len(first) == 1


def test_of_thousands_that_share_work_only_some_are_due_at_the_same_moment() -> None:
    checks = [config(f"p{n}", Together(), interval=60.0) for n in range(5 * MOST_TOGETHER)]
    spread = spread_of(checks)
    groups = spread.groups["none"]
    firsts = [trigger_of(check, NOW, NOW, spread=spread).first for check in checks]
    firsts_soon = [trigger_of(check, NOW, NOW, due=NOW, spread=spread).first for check in checks]
    for moments in (firsts, firsts_soon):
        assert len(set(moments)) == groups
        assert max(Counter(moments).values()) < 1.5 * MOST_TOGETHER
    assert spread_of(checks[:MOST_TOGETHER]).groups == {"none": 1}


@given(st.floats(1, 86400), st.integers(0, 10**7))
def test_the_next_turn_is_on_the_grid_and_never_more_than_an_interval_away(interval: float, late_ms: int) -> None:
    trigger = Every(NOW, interval, NOW)
    now = NOW + timedelta(milliseconds=late_ms)
    next_ = trigger.get_next_fire_time(NOW, now)
    assert now < next_ <= now + timedelta(seconds=interval)
    off_grid = (next_ - NOW) % trigger.interval
    assert off_grid == timedelta(0)


def test_missed_turns_are_one() -> None:
    turns = Turns()
    schedule = Schedule()
    schedule.begin(turns, [config(interval=0.1)], at_once=True)
    turns.wait(2)
    with turns._changed:  # the schedule's thread cannot deliver: turns are missed
        time.sleep(0.35)  # three turns
    seen = turns.wait(5)
    schedule.stop()
    on_grid = [due for _, due in seen[1:]]  # the first comes at once
    # Less than an interval: two clocks are read one after the other, and a busy processor may come between.
    assert all(later - sooner > 0.05 for sooner, later in itertools.pairwise(on_grid))


def test_with_at_once_every_check_has_its_first_turn_within_a_second() -> None:
    turns = Turns()
    schedule = Schedule()
    begun = time.monotonic()
    schedule.begin(turns, [config(f"check-{n}", interval=3600.0) for n in range(50)], at_once=True)
    assert len({name for name, _ in turns.wait(50)}) == 50
    assert time.monotonic() - begun < 2
    schedule.stop()


def test_what_is_done_besides_the_checks_is_done_when_checks_are_due() -> None:
    checks = (config(f"check-{n}", interval=1.0) for n in itertools.count())
    first_slot = next(check for check in checks if ALONE.offset(check) == INSIDE_SECONDS)
    turns, done = Turns(), []
    schedule = Schedule()
    schedule.begin(turns, [first_slot])
    time.sleep(0.4)  # so that what counts from now on would be due between them
    schedule.every(1.0, lambda: done.append(time.monotonic()))
    seen = turns.wait(3)
    schedule.stop()
    assert min(abs(at - due) for at in done[1:] for _, due in seen) < 0.2


def test_a_retry_comes_sooner_than_the_next_turn_but_never_delays_it() -> None:
    turns = Turns()
    schedule = Schedule()
    schedule.begin(turns, [config("slow", interval=3600.0)])
    first = schedule.next_run("slow")
    schedule.retry("slow", 7200)
    assert schedule.next_run("slow") == first
    schedule.retry("slow", 0.01)
    assert turns.wait(1)[0][0] == "slow"
    assert schedule.next_run("slow") == first
    schedule.stop()


def test_a_check_that_cannot_be_started_takes_no_turn_from_others(caplog: pytest.LogCaptureFixture) -> None:
    turns = Turns()

    def start(check: CheckConfig, due: float) -> None:
        if check.name == "bad":
            raise ZeroDivisionError
        turns(check, due)

    schedule = Schedule()
    with caplog.at_level(logging.CRITICAL):
        schedule.begin(start, [config(name, interval=0.1) for name in ("bad", "web", "disk")], at_once=True)
        turns.wait(20)
    schedule.stop()
    assert {name for name, _ in turns.seen} == {"web", "disk"}


def test_a_check_that_is_added_while_the_schedule_sleeps_is_run_in_time() -> None:
    turns = Turns()
    schedule = Schedule()
    schedule.begin(turns, [config("hourly", interval=3600.0)])
    schedule.update(Difference({"web": config("web", interval=0.3)}, {}, frozenset()))
    assert {name for name, _ in turns.wait(3)} == {"web"}
    schedule.update(Difference({}, {}, frozenset({"web"})))
    assert schedule.next_run("web") == 0
    schedule.stop()


def test_an_unknown_check_has_no_next_run_and_cannot_be_retried() -> None:
    schedule = Schedule()
    schedule.begin(Turns(), [])
    schedule.retry("gone", 1)
    assert schedule.next_run("gone") == 0
    schedule.stop()


def utc_turns(cron: str, zone: str, start: str, count: int) -> list[str]:
    """Return the first turns of a cron line, in UTC."""
    trigger = trigger_of(config(cron=cron, timezone=zone), NOW, NOW)
    now = datetime.fromisoformat(start).replace(tzinfo=UTC)
    turns: list[datetime] = []
    for _ in range(count):
        turn = trigger.get_next_fire_time(turns[-1] if turns else None, now)
        assert turn
        turns.append(turn.astimezone(UTC))
        now = turns[-1] + timedelta(microseconds=1)
    return [f"{turn:%m-%d %H:%M}" for turn in turns]


def test_cron_means_the_clock_on_the_wall_of_its_time_zone() -> None:
    assert utc_turns("0 12 * * mon", "UTC", "2026-03-28 00:00", 2) == ["03-30 12:00", "04-06 12:00"]
    assert utc_turns("0 4 * * *", "Europe/Berlin", "2026-03-28 00:00", 3) == [
        "03-28 03:00",
        "03-29 02:00",  # summer time has begun
        "03-30 02:00",
    ]


def test_a_cron_turn_in_the_hour_that_spring_leaves_out_runs_an_hour_later() -> None:
    turns = utc_turns("30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", 2)
    assert turns == ["03-29 01:30", "03-30 00:30"]


def test_a_cron_turn_in_the_hour_that_autumn_repeats_runs_once_and_one_of_an_interval_in_both() -> None:
    turns = utc_turns("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 3)
    assert turns == ["10-25 00:30", "10-26 01:30", "10-27 01:30"]
    turns = utc_turns("30 * * * *", "Europe/Berlin", "2026-10-25 00:15", 3)
    assert turns == ["10-25 00:30", "10-25 01:30", "10-25 02:30"]


@pytest.mark.parametrize("jump", ["-2h", "+1d", "-45s", "+3s"])
def test_a_wall_clock_that_is_set_changes_no_interval(jump: str, tmp_path: Path) -> None:
    library = needs.file("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "libfaketime")
    clock = tmp_path / "clock"
    clock.write_text("+0")
    environ = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.running.shifted_clock", str(clock), jump],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    turns, longest, _, jumped = map(float, done.stdout.split())
    assert turns == 12
    assert jumped >= 3, "the clock was not set, so the test proved nothing"
    assert longest < 1.5, "intervals are 0.2 s, whatever the wall clock does"


# --- over restarts ----------------------------------------------------------------------------------------------------


def first_turn(check: CheckConfig, now: datetime, last: datetime | None) -> datetime:
    trigger = trigger_of(check, now, now, due=due_at(check, now, last))
    found = trigger.get_next_fire_time(None, now)
    assert isinstance(found, datetime)
    return found


@given(st.integers(0, 10**5), st.integers(1, 86400), st.one_of(st.none(), st.integers(-(10**6), 10**6)))
def test_after_a_start_no_check_waits_longer_than_its_interval_since_its_last_run(
    number: int, interval: int, ago: int | None
) -> None:
    """Or a few seconds since the start, where that is over already; a run that lies ahead is none."""
    check = config(f"check-{number}", interval=float(interval))
    first = first_turn(check, NOW, None if ago is None else NOW - timedelta(seconds=ago))
    left = interval - ago if ago is not None and ago >= 0 else 0
    assert NOW <= first <= NOW + timedelta(seconds=max(SOON_SECONDS, left))
    grid = Every(NOW + timedelta(seconds=ALONE.offset(check)), interval, NOW).after(NOW)
    assert first >= min(grid, NOW + timedelta(seconds=left)), "never sooner than it is due"


def test_what_is_due_at_a_start_is_spread_and_checks_that_share_work_stay_together() -> None:
    firsts = [first_turn(config(f"c{n}", interval=86400.0), NOW, None) for n in range(300)]
    per_second = [sum(int((first - NOW).total_seconds()) == second for first in firsts) for second in range(10)]
    assert max(per_second) < 75  # what its grid has first comes first in any case
    assert len({first_turn(config(f"p{n}", Together(), interval=86400.0), NOW, None) for n in range(3)}) == 1


def test_all_checks_run_over_lives_that_are_shorter_than_their_interval() -> None:
    checks = [config(f"check-{n}", interval=40.0) for n in range(20)]
    last: dict[str, datetime] = {}
    for life in range(4):
        now = NOW + timedelta(seconds=18 * life)
        turns = {check.name: first_turn(check, now, last.get(check.name)) for check in checks}
        last |= {name: turn for name, turn in turns.items() if turn <= now + timedelta(seconds=18)}
    assert len(last) == 20


@pytest.mark.parametrize(("last", "missed"), [("2026-05-01T03:00", True), ("2026-05-02T03:00", False), (None, False)])
def test_a_cron_turn_that_was_missed_while_the_agent_was_away_is_made_up_for_once(
    last: str | None, missed: bool
) -> None:
    check = config("nightly", cron="0 3 * * *", timezone="UTC")
    now, tomorrow = datetime(2026, 5, 2, 8, 0, tzinfo=UTC), datetime(2026, 5, 3, 3, 0, tzinfo=UTC)
    ran = datetime.fromisoformat(last).replace(tzinfo=UTC) if last else None
    trigger = trigger_of(check, now, now, due=due_at(check, now, ran))
    first = trigger.get_next_fire_time(None, now)
    assert first
    assert first <= now + timedelta(seconds=SOON_SECONDS) if missed else first == tomorrow
    if missed:
        assert trigger.get_next_fire_time(first, first) == tomorrow


def test_no_check_is_left_over_by_an_agent_that_never_lives_for_ten_seconds() -> None:
    """Lives of six seconds, one after the other: what has not run yet has another moment in each of them."""
    left = {f"c{number}" for number in range(200)}
    for life in range(40):
        begun = NOW + timedelta(seconds=life * 8.090169)  # a grid of moments favours nobody either
        triggers = {name: trigger_of(config(name, interval=3600.0), begun, begun, due=begun) for name in left}
        firsts = {name: trigger.get_next_fire_time(None, begun) for name, trigger in triggers.items()}
        left = {name for name, first in firsts.items() if first and first > begun + timedelta(seconds=6)}
    assert left == set()
