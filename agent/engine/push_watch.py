"""Pure: what is awaited of one pushed check, and how that is remembered over a restart of the agent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from agent.api import PushedCheck

log = logging.getLogger("hostvigil.recorder")

CLOCK_SET_MILLISECONDS = 60_000
"""A greater difference between what was said and what was counted is somebody who set the clock."""

RunKey = tuple[str, int]
"""Subject and number of a run; 0: the sender did not number it."""
Moment = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""Unix milliseconds."""


class PushWatch(msgspec.Struct):
    """What is awaited of one check."""

    settings: PushedCheck
    since: int
    """When it was awaited first, Unix milliseconds."""
    last: dict[str, float] = {}
    """By subject, monotonic seconds. A check that never had a result waits for its first, subject ''."""
    at: dict[str, int] = {}
    """The same in Unix milliseconds, as the senders said; 0: nobody can say, for the clock was set meanwhile."""
    runs: dict[RunKey, float] = {}
    """When the runs that go on began, monotonic seconds."""
    missed: dict[str, float] = {}
    """By subject, when it was said last that nothing came, monotonic seconds; none where something came since."""
    late: set[RunKey] = set()
    """Of the runs those of which it was said that they take too long."""


class Memory(msgspec.Struct, frozen=True):
    """What is remembered of a check over a restart."""

    since: Moment = 0
    last: dict[str, Moment] = {}
    runs: tuple[tuple[str, int, Moment], ...] = ()
    missed: dict[str, Moment] = {}
    late: tuple[RunKey, ...] = ()
    began: dict[str, Moment] | None = None
    """How older agents noted runs."""


def remember(watch: PushWatch, now: float, wall: int) -> dict[str, Any]:
    """Return what must be remembered, in Unix milliseconds; `now` is monotonic, `wall` in Unix milliseconds."""
    runs = [[subject, run, wall - round((now - at) * 1000)] for (subject, run), at in watch.runs.items()]
    last = {subject: last_moment(watch, subject, now, wall) for subject in watch.last if subject in watch.at}
    since = watch.since if last else _as_counted(watch.since, watch.last[""], now, wall)
    missed = {subject: wall - round((now - at) * 1000) for subject, at in watch.missed.items()}
    late = [key for key in watch.runs if key in watch.late]
    troubles = {name: value for name, value in (("missed", missed), ("late", late)) if value}
    return {"since": since, "last": last, "runs": runs, **troubles}


def restore(settings: PushedCheck, memory: Mapping[str, Any], now: float, wall: int) -> PushWatch:
    """Return what was awaited before the agent's restart, times as in `remember`; what is not understood begins now."""
    try:
        record = msgspec.convert(memory, Memory)
    except msgspec.ValidationError as error:
        log.error("what was awaited of a pushed check cannot be read, the wait begins anew: %s", error)
        record = Memory()
    since, runs = record.since or wall, [*record.runs, *((name, 0, at) for name, at in (record.began or {}).items())]
    last = record.last or {"": since}
    return PushWatch(
        settings,
        since=since,
        last={subject: _before(now, wall, moment) for subject, moment in last.items()},
        at={subject: moment if moment <= wall else 0 for subject, moment in record.last.items()},
        runs={(subject, run): _before(now, wall, start) for subject, run, start in runs},
        missed={subject: _before(now, wall, moment) for subject, moment in record.missed.items() if subject in last},
        late=set(record.late),
    )


def last_moment(watch: PushWatch, subject: str, now: float, wall: int) -> int:
    """Return when the last result of a subject was so, Unix milliseconds."""
    return _as_counted(watch.at[subject], watch.last[subject], now, wall)


def _as_counted(moment: int, counted: float, now: float, wall: int) -> int:
    """Return a moment as it was noted, unless the clock was set since: then as it was counted, in monotonic seconds."""
    counted_at = wall - round((now - counted) * 1000)
    return moment if abs(moment - counted_at) < CLOCK_SET_MILLISECONDS else counted_at


def _before(now: float, wall: int, at: int) -> float:
    """Return a moment of the wall clock on the monotonic one; what lies ahead is now."""
    return now - max(0, wall - at) / 1000
