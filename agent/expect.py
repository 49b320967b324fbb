"""Notices checks that give no result at all, for longer than they should: hung, blocked, never scheduled."""

from __future__ import annotations

from collections.abc import Iterable

from agent.api import PushedCheck
from agent.model import Outcome, Result, Status
from agent.settings import CheckConfig
from agent.units import duration_text

SLACK_SECONDS = 5.0
"""What a busy host may need beyond interval and timeout before silence means something."""


class Expectations:
    """Times are monotonic seconds. A full window must pass, since the start or the last result, before it counts.

    Checks on cron are left out: how long they may be silent depends on the wall clock, and their runs all end.
    """

    def __init__(self) -> None:
        self._windows: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self.next_look = float("inf")

    def update(self, checks: Iterable[CheckConfig], now: float) -> None:
        """Expect results of these checks from now on; those known already keep their last one."""
        self._windows = {
            check.name: check.interval + check.timeout + SLACK_SECONDS
            for check in checks
            if check.interval and not check.cron and not isinstance(check.check, PushedCheck)
        }
        self._last = {check: self._last.get(check, now) for check in self._windows}
        self._plan()

    def seen(self, check: str, now: float) -> None:
        if check in self._last:
            self._last[check] = now

    def overdue(self, now: float, wall: int) -> list[Outcome]:
        """Return a nodata outcome for each check whose window has passed; `wall` in Unix milliseconds."""
        if now < self.next_look:
            return []
        if now > self.next_look + SLACK_SECONDS:
            self._excuse(now - self.next_look)
            return []
        late = [check for check, last in self._last.items() if last + self._windows[check] <= now]
        outcomes = [self._silent(check, now, wall) for check in late]
        self._last.update(dict.fromkeys(late, now))
        self._plan()
        return outcomes

    def _excuse(self, seconds: float) -> None:
        """The whole agent stood still (a stopped process, a paused machine): that is no check's silence."""
        self._last = {check: last + seconds for check, last in self._last.items()}
        self._plan()

    def _silent(self, check: str, now: float, wall: int) -> Outcome:
        summary = f"no result for {duration_text(now - self._last[check])}"
        return Outcome(check, 0, wall, 0.0, (Result(Status.NODATA, summary),), failed=True)

    def _plan(self) -> None:
        # Results only ever move a check's end of patience further away, so looking at the earliest one is enough.
        ends = (last + self._windows[check] for check, last in self._last.items())
        self.next_look = min(ends, default=float("inf"))
