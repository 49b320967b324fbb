"""When a checked cron line has its turns. Pure: line, zone and moment in, moment out.

Cron means the clock on the wall. Which minutes of which days a line names, `cronsim` says, without time zones; what a
clock that is put forward or back makes of them is decided here:

- a turn in the hour that is left out runs as much later as the clock was put forward;
- a turn in the hour that is repeated runs once, in the first, where the line names minute and hour; it runs in both
  where one of them begins with `*`, for that means an interval. So does Vixie's cron.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice

from agent.config.calendar.host_zone import HOST_ZONE

A_MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 - the clock on the wall
MOST_TURNS = 12_000
"""So many are looked at: a week of minutes, a tenth of a second."""
A_WEEK, A_YEAR = timedelta(days=8), timedelta(days=400)
SURROUNDINGS = timedelta(hours=25)
"""A clock is put forward or back by a day at the most (Samoa left out the 30 December 2011)."""


def next_turn(line: str, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first turn after a moment, both in UTC; None where there is none in 50 years."""
    first: datetime | None = None
    until = datetime.max  # noqa: DTZ901 - the clock on the wall
    for wall in _minutes(line, _wall(after, zone) - _put(zone, after)):
        for turn in _moments(wall, zone, _is_interval(line)):
            if turn > after and (first is None or turn < first):
                first = turn
                until = _wall(turn, zone) + _put(zone, turn)
        if wall >= until:
            break
    return first


@lru_cache
def never_ends(line: str, seconds: float) -> bool:
    """Tell whether what begins by a checked line and lasts so long is always open, clocks that change aside."""
    before: datetime | None = None
    for wall in islice(_minutes(line, A_MONDAY), MOST_TURNS):
        if before and (wall - before).total_seconds() > seconds:
            return False
        if wall > A_MONDAY + (A_WEEK if line.split()[2:4] == ["*", "*"] else A_YEAR):
            return True
        before = wall
    return False


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name; '' is the host's own."""
    if not name:
        return HOST_ZONE
    from zoneinfo import ZoneInfo  # half a megabyte, for cron lines only

    return ZoneInfo(name)


def _minutes(line: str, after: datetime) -> Iterator[datetime]:
    """Yield the minutes that the line names, by the clock on the wall."""
    from cronsim import CronSim, CronSimError

    try:
        yield from CronSim(line, after)
    except CronSimError:  # a day that no month has
        return


def _is_interval(line: str) -> bool:
    minute, hour = line.split(maxsplit=2)[:2]
    return minute.startswith("*") or hour.startswith("*")


def _moments(wall: datetime, zone: tzinfo, both: bool) -> Iterator[datetime]:
    """Yield the moments of a time on the wall. In Python fold=0 means the first of two; and what is left out, later."""
    first = wall.replace(tzinfo=zone)
    yield first.astimezone(UTC)
    second = first.replace(fold=1)
    if both and second.utcoffset() < first.utcoffset():  # type: ignore[operator]  # a time zone has an offset
        yield second.astimezone(UTC)


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _put(zone: tzinfo, moment: datetime) -> timedelta:
    """Return by how much the clock is put forward or back around a moment."""
    around = (moment - SURROUNDINGS, moment, moment + SURROUNDINGS)
    offsets = [near.astimezone(zone).utcoffset() or timedelta(0) for near in around]
    return max(offsets) - min(offsets)
