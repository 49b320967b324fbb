"""Notices checks that give no result at all, for longer than they should: hung, blocked, never scheduled."""

from __future__ import annotations

from collections.abc import Iterable

from agent.api import PushedCheck
from agent.config.settings import CheckConfig
from agent.model import Outcome, Result, Status
from agent.plugin.units import duration_text

SLACK_SECONDS = 5.0
"""What a busy host may need beyond the interval before silence is looked into."""
LATE_SECONDS = 1.0
"""A look that comes later than this says that the whole agent stood still: stopped, or on a paused machine."""


class StalenessMonitor:
    """Times are monotonic seconds. A full window must pass, since the start or the last result, before it counts.

    In two looks: the first, after the interval, only suspects; the second, a time-out later, believes it. So an agent
    that stood still, however long and whenever, gives each check the time to run before it takes it for silent.
    Checks on cron are left out: how long they may be silent depends on the wall clock, and their runs all end.
    """

    def __init__(self) -> None:
        self._windows: dict[str, tuple[float, float]] = {}
        self._last: dict[str, float] = {}
        self._suspects: dict[str, float] = {}
        """When the second look at them is due."""
        self.next_look = float("inf")

    def update(self, checks: Iterable[CheckConfig], now: float) -> None:
        """Expect results of these checks from now on; those known already keep their last one."""
        self._windows = {
            check.name: (check.interval + SLACK_SECONDS, check.timeout)
            for check in checks
            if check.interval and not check.cron and not isinstance(check.check, PushedCheck)
        }
        self._last = {check: self._last.get(check, now) for check in self._windows}
        self._suspects = {check: end for check, end in self._suspects.items() if check in self._windows}
        self._plan()

    def seen(self, check: str, now: float) -> None:
        if check in self._last:
            self._last[check] = now
            self._suspects.pop(check, None)

    def overdue(self, now: float, wall: int) -> list[Outcome]:
        """Return a nodata outcome for each check whose window has passed; `wall` in Unix milliseconds."""
        if now < self.next_look:
            return []
        silent = [check for check, end in self._suspects.items() if end <= now <= end + LATE_SECONDS]
        outcomes = [self._silent(check, now, wall) for check in silent]
        for check in silent:
            self.seen(check, now)
        for check, end in self._ends().items():
            if end <= now:
                self._suspects[check] = now + self._windows[check][1]
        self._plan()
        return outcomes

    def _silent(self, check: str, now: float, wall: int) -> Outcome:
        summary = f"no result for {duration_text(now - self._last[check])}"
        return Outcome(check, 0, wall, 0.0, (Result(Status.NODATA, summary),), complete=False)

    def _ends(self) -> dict[str, float]:
        """Return when each check is to be looked at next."""
        return {check: self._suspects.get(check, last + self._windows[check][0]) for check, last in self._last.items()}

    def _plan(self) -> None:
        # Results only ever move a check's end of patience further away, so looking at the earliest one is enough.
        self.next_look = min(self._ends().values(), default=float("inf"))
