"""Pure: when a check is due, by its interval or its cron line; spread over the interval, soon after a start."""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.config.calendar.turns import next_turn, zone_of
from agent.config.once import once
from agent.config.settings import CheckConfig
from agent.running.apscheduler_parts import BaseTrigger
from agent.running.spread import ALONE, INSIDE_SECONDS, SLOT_SECONDS, Spread, fraction

SOON_SECONDS = 10.0
"""What was due while the agent was away, and what never ran, begins spread over this."""

LONGEST_AWAY = timedelta(days=31)
"""A clock that is set forward by more was wrong before: the turns that it named were none."""

AT_ONCE_SECONDS = 1.0
"""With `at_once`, the first turns of all checks are spread over this instead of their intervals."""


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Turns on a fixed grid: anchor, anchor + interval, ... whatever happened in between; missed turns are one.

    Used under the lock of the due list or of the scheduler.
    """

    __slots__ = ("anchor", "first", "interval")

    def __init__(self, anchor: datetime, interval: float, first: datetime) -> None:
        self.anchor = once(anchor)
        self.interval = once(timedelta(seconds=interval))
        self.first: datetime | None = first

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        first, self.first = self.first, None
        return first if previous_fire_time is None and first else self.after(now)

    def after(self, now: datetime) -> datetime:
        """Return the first moment of the grid after `now`."""
        return self.anchor + ((now - self.anchor) // self.interval + 1) * self.interval

    def move(self, at: datetime, jump: timedelta, now: datetime) -> datetime:
        """Return the next turn, which was at `at`, after the clock was set: an interval is a span and moves along.

        Forward it may be a machine that was suspended: a turn that passed comes soon, as after a start of the agent.
        """
        self.anchor += jump
        if not is_time_passed(jump):
            return at + jump
        return max(at, now + (at + jump - now) * min(1.0, timedelta(seconds=SOON_SECONDS) / self.interval))


class Cron(BaseTrigger):  # type: ignore[misc]
    """The turns of a cron line, by the clock on the wall; missed turns are one."""

    __slots__ = ("_first", "_line", "_turn", "_zone")

    def __init__(self, line: str, zone: str, first: datetime | None = None) -> None:
        self._line = line
        self._zone = zone_of(zone)
        self._first = first
        """For a turn that was missed; it is made up for once."""
        self._turn: datetime | None = None
        """The next one that the line names, as far as it was asked for."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        if previous_fire_time is None:
            first, self._first = self._first, None
            self._turn = next_turn(self._line, self._zone, now - timedelta(microseconds=1))
            return first or self._turn
        self._turn = next_turn(self._line, self._zone, max(previous_fire_time, now))
        return self._turn

    def move(self, at: datetime, jump: timedelta, now: datetime) -> datetime | None:
        """Return the next turn after the clock was set, or its zone; a retry is a span and moves along.

        A turn that the clock was set past comes now: a suspended machine is a clock set forward.
        """
        due = self._turn
        was_passed = due and due <= now and timedelta(0) < jump <= LONGEST_AWAY
        turn = due if was_passed else self.get_next_fire_time(None, now)
        return turn if at == due or turn is None else min(at + jump, turn)


def is_time_passed(jump: timedelta) -> bool:
    """Tell whether a clock that was set by `jump` may be that of a machine that was suspended."""
    return timedelta(0) < jump <= LONGEST_AWAY


Trigger = Every | Cron


def trigger_of(
    config: CheckConfig,
    started_at: datetime,
    now: datetime,
    at_once: bool = False,
    due: datetime | None = None,
    spread: Spread = ALONE,
) -> Trigger:
    """Return the check's trigger: its cron line, or its interval on a grid of its own since the agent began.

    `due` is when it must have its first turn, see `due_at`; None: when its grid or line says so.
    """
    if config.cron:
        return Cron(config.cron, config.timezone, soon(config, started_at, now, spread) if due and due <= now else None)
    grid = Every(started_at + timedelta(seconds=spread.offset(config)), config.interval, now)
    if at_once:
        grid.first = now + timedelta(seconds=_at_once(config, spread))
    else:
        grid.first = min(grid.after(now), max(due, soon(config, started_at, now, spread))) if due else grid.after(now)
    return grid


def due_at(config: CheckConfig, now: datetime, last: datetime | None) -> datetime | None:
    """Return when a check is due after its last run; None: its line says so. Pure.

    One that never ran is due now, and so is one whose last run lies ahead, for a wrong clock has noted it.
    """
    if config.cron:
        return next_turn(config.cron, zone_of(config.timezone), last) if last and last <= now else None
    return now if last is None or last > now else last + timedelta(seconds=config.interval)


def soon(config: CheckConfig, started_at: datetime, now: datetime, spread: Spread = ALONE) -> datetime:
    """Return a moment within the next seconds: checks are spread over them, those that share work are together.

    Another check comes first in each life of the agent, which began at `started_at`: else, of an agent that never lives
    so long, the same checks would never run.
    """
    seconds = min(SOON_SECONDS, SOON_SECONDS if config.cron else config.interval)
    return now + timedelta(seconds=(spread.phase(config) + fraction(started_at.isoformat())) % 1.0 * seconds)


def _at_once(config: CheckConfig, spread: Spread) -> float:
    return spread.phase(config) * AT_ONCE_SECONDS // SLOT_SECONDS * SLOT_SECONDS + INSIDE_SECONDS
