"""Notices checks that give no result at all, for longer than they should: hung, blocked, never scheduled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from agent.api import PushedCheck
from agent.config.settings import CheckConfig
from agent.engine.deadlines import DeadlineBook
from agent.model import Outcome, Result, Status
from agent.plugin.units import duration_text

SLACK_SECONDS = 5.0
"""What a busy host may need beyond the interval before silence is looked into."""
START_SECONDS = 15.0
"""What a check that is overdue at the start of the agent gets: until its first turn, and some slack."""
LATE_SECONDS = 1.0
"""A look that comes later than this says that the whole agent stood still: stopped, or on a paused machine."""


class Awaited(msgspec.Struct):
    """One check whose results are awaited. Times are monotonic seconds."""

    window: float
    timeout: float
    last: float
    suspected: bool = False


class StalenessMonitor:
    """Times are monotonic seconds. A full window must pass, since the start or the last result, before it counts.

    In two looks: the first, after the interval, only suspects; the second, a time-out later, believes it. So an agent
    that stood still, however long and whenever, gives each check the time to run before it takes it for silent.
    Checks on cron are left out: how long they may be silent depends on the wall clock, and their runs all end.
    """

    def __init__(self) -> None:
        self._checks: dict[str, Awaited] = {}
        self._book: DeadlineBook[str] = DeadlineBook()

    @property
    def next_look(self) -> float:
        return self._book.next

    def update(self, checks: Iterable[CheckConfig], now: float, last: Mapping[str, float] | None = None) -> None:
        """Expect results of these checks from now on; those known already keep their last one.

        `last`: when checks had their last result before this start, so that silence is counted over restarts.
        """
        old, self._checks = self._checks, {}
        for check in checks:
            if check.interval and not check.cron and not isinstance(check.check, PushedCheck):
                self._expect(check, old.get(check.name), now, (last or {}).get(check.name))
        self._book.keep(self._checks.__contains__)

    def _expect(self, check: CheckConfig, known: Awaited | None, now: float, before: float | None) -> None:
        window = check.interval + SLACK_SECONDS
        if known is None:
            last, soonest = (now, now) if before is None else (min(before, now), now + START_SECONDS)
            known = Awaited(window, check.timeout, last)
            self._book.set(check.name, max(last + window, soonest))
        elif (known.window, known.timeout) != (window, check.timeout):
            # A shorter interval accuses nobody of what was right under the longer one.
            self._book.set(check.name, max(known.last + window, min(known.last + known.window, now + window)))
            known = Awaited(window, check.timeout, known.last)
        self._checks[check.name] = known

    def seen(self, check: str, now: float) -> None:
        if awaited := self._checks.get(check):
            awaited.last, awaited.suspected = now, False
            self._book.set(check, now + awaited.window)

    def overdue(self, now: float, wall: int) -> list[Outcome]:
        """Return a nodata outcome for each check whose window has passed; `wall` in Unix milliseconds."""
        silent = [check for check, due in self._book.take(now) if self._is_silent(check, due, now)]
        outcomes = [self._silent(check, now, wall) for check in silent]
        for check in silent:
            self.seen(check, now)
        return outcomes

    def _is_silent(self, check: str, due: float, now: float) -> bool:
        """Believe it at the second look, unless that comes late; else look once more after a time-out."""
        awaited = self._checks[check]
        if awaited.suspected and now <= due + LATE_SECONDS:
            return True
        awaited.suspected = True
        self._book.set(check, now + awaited.timeout)
        return False

    def _silent(self, check: str, now: float, wall: int) -> Outcome:
        summary = f"no result for {duration_text(now - self._checks[check].last)}"
        return Outcome(check, 0, wall, 0.0, (Result(Status.NODATA, summary),), complete=False)
