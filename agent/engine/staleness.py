"""Notices checks that give no result at all, for longer than they should: hung, blocked, never scheduled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from agent.config.once import once
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


class ResultWatch(msgspec.Struct, gc=False):
    """One check whose results are awaited. Times are monotonic seconds."""

    window: float
    timeout: float
    last: float
    suspected: bool = False


class StalenessMonitor:
    """Which checks have had no result for too long. The recorder's thread owns it; times are monotonic seconds.

    A full window must pass, since the start or the last result, before it counts.

    In two looks: the first, after the interval, only suspects; the second, a time-out later, believes it. So an agent
    that stood still, however long and whenever, gives each check the time to run before it takes it for silent.
    Checks on cron are left out: how long they may be silent depends on the wall clock, and their runs all end.
    """

    def __init__(self) -> None:
        self._checks: dict[str, ResultWatch] = {}
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
            if check.interval and not check.cron and not check.pushed:
                self._expect(check, old.get(check.name), now, (last or {}).get(check.name))
        self._book.keep(self._checks.__contains__)

    def _expect(self, check: CheckConfig, watch: ResultWatch | None, now: float, before: float | None) -> None:
        window = once(check.interval + SLACK_SECONDS)
        if watch is None:
            last, soonest = (now, now) if before is None else (min(before, now), now + START_SECONDS)
            watch = ResultWatch(window, check.timeout, last)
            self._book.set(check.name, max(last + window, soonest))
        elif (watch.window, watch.timeout) != (window, check.timeout):
            # A shorter interval accuses nobody of what was right under the longer one.
            self._book.set(check.name, max(watch.last + window, min(watch.last + watch.window, now + window)))
            watch = ResultWatch(window, check.timeout, watch.last)
        self._checks[check.name] = watch

    def note_result(self, check: str, now: float) -> None:
        if watch := self._checks.get(check):
            watch.last, watch.suspected = now, False
            self._book.set(check, now + watch.window)

    def overdue(self, now: float, wall: int) -> list[Outcome]:
        """Return a nodata outcome for each check whose window has passed; `wall` in Unix milliseconds."""
        silent = [check for check, due in self._book.take(now) if self._is_silent(check, due, now)]
        outcomes = [self._silent(check, now, wall) for check in silent]
        for check in silent:
            self.note_result(check, now)
        return outcomes

    def _is_silent(self, check: str, due: float, now: float) -> bool:
        """Believe it at the second look, unless that comes late; else look once more after a time-out."""
        watch = self._checks[check]
        if watch.suspected and now <= due + LATE_SECONDS:
            return True
        watch.suspected = True
        self._book.set(check, now + watch.timeout)
        return False

    def _silent(self, check: str, now: float, wall: int) -> Outcome:
        summary = f"no result for {duration_text(now - self._checks[check].last)}"
        return Outcome(check, 0, wall, 0.0, (Result(Status.NODATA, summary),), complete=False)
