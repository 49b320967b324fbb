"""When checks start: APScheduler wakes for the next one that is due, and all that are due by then start together.

It says when; the runner decides whether.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from agent.config.diff import Difference, checks_on_schedule, difference
from agent.config.settings import CheckConfig, Config
from agent.plugin.units import utc
from agent.running.apscheduler_parts import BaseTrigger
from agent.running.due_list import DueList
from agent.running.spread import ALONE, INSIDE_SECONDS, spread_of
from agent.running.steady import LONGEST_SLEEP_SECONDS, TOGETHER_SECONDS, StartAtOnce, SteadyScheduler
from agent.running.triggers import Every, due_at, trigger_of

log = logging.getLogger("hostvigil.schedule")

Start = Callable[[CheckConfig, float], None]
"""Called with a check and when it was due, in monotonic seconds; must not block."""

CHECKS = "checks"
"""The one job of APScheduler for all checks. A job a check cost twice what a run that does nothing costs now."""


class Schedule:
    """When each check is due. Safe to use from any thread."""

    _start: Start
    """Given by `begin`."""

    def __init__(self) -> None:
        self._due = DueList(datetime.now(UTC))
        self._last: dict[str, int] = {}
        """When each ran last before the start, in Unix milliseconds, until it is at work."""
        self._spread = ALONE
        self._scheduler = SteadyScheduler(
            timezone=UTC,
            executors={"default": StartAtOnce()},
            job_defaults={"coalesce": True, "misfire_grace_time": None},
        )

    def begin(
        self,
        start: Start,
        checks: Iterable[CheckConfig],
        at_once: bool = False,
        last: Mapping[str, int] | None = None,
    ) -> None:
        """Have `start` run these checks; `at_once` has all of them run within the first second.

        `last`: when each ran last, in Unix milliseconds. What has been due since then is due soon.
        """
        self._start = start
        now, checks = datetime.now(UTC), list(checks)
        self._spread = spread_of(checks)
        self._last = dict(last or {})
        for config in checks:
            due = due_at(config, now, self._last_run(config.name))
            self._add(config, at_once, None if last is None else due)
        self._scheduler.add_job(self._start_due, WhenDue(self._due), id=CHECKS)
        self._scheduler.start()

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something done besides the checks, in the same thread; it must not block.

        At moments of theirs: to wake up for nothing else costs as much as a run.
        """
        anchor = self._due.started_at + timedelta(seconds=INSIDE_SECONDS)
        self._scheduler.add_job(act, Every(anchor, seconds, datetime.now(UTC)))

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        self._spread = spread_of(checks_on_schedule(new).values())
        mended = {problem.check for problem in old.problems}
        self.update(difference(checks_on_schedule(old), checks_on_schedule(new)), mended)

    def update(self, difference: Difference, mended: Container[str] = ()) -> None:
        """Take over a reloaded configuration: a check's turn may come sooner by it, but never later.

        `mended`: checks that were written wrong. They run soon, for it was told that they cannot.
        """
        now = datetime.now(UTC)
        for name in difference.removed:
            self._due.remove(name)
        for name, config in difference.added.items():
            last = self._last_run(name)
            is_due = not config.cron or name in mended
            self._add(config, due=now if is_due else due_at(config, now, last))
        for config in difference.changed.values():
            self._add(config, latest=self._due.at(config.name))
        self._due.move(timedelta(0), now)  # the host's own time zone may be another one now
        if at := self._due.next():
            self._wake(at)

    def _add(
        self, config: CheckConfig, at_once: bool = False, due: datetime | None = None, latest: datetime | None = None
    ) -> None:
        now = datetime.now(UTC)
        self._due.add(config, trigger_of(config, self._due.started_at, now, at_once, due, self._spread), now, latest)

    def _last_run(self, check: str) -> datetime | None:
        """Return when a check that comes to work ran last: it may have been in a file that could not be read."""
        last = self._last.pop(check, None)
        return None if last is None else utc(last)

    def retry(self, check: str, seconds: float) -> None:
        """Run the check again in `seconds`, unless its next turn comes sooner."""
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        if self._due.not_later(check, at):
            self._wake(at)

    def next_run(self, check: str) -> int:
        """Return when the check is due next, in Unix milliseconds; 0 when it is not scheduled."""
        at = self._due.at(check)
        return int(at.timestamp() * 1000) if at else 0

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _wake(self, at: datetime) -> None:
        """Have APScheduler wake for this turn, unless it wakes sooner."""
        if self._scheduler.running:
            self._scheduler.not_later(CHECKS, at)

    def _start_due(self) -> None:
        """Start what is due. Called by APScheduler in its thread."""
        now, clock = datetime.now(UTC), time.monotonic()
        for config, at in self._due.take(now):
            try:
                self._start(config, clock - (now - at).total_seconds())
            except Exception:
                log.exception("%s: a bug of ours: it is not run this time", config.name)


class WhenDue(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """The trigger of the one job for all checks: when the next of them is due, but not at once again."""

    def __init__(self, due: DueList) -> None:
        self._due = due

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        at = self._due.next() or now + timedelta(seconds=LONGEST_SLEEP_SECONDS)
        return at if previous_fire_time is None else max(at, now + timedelta(seconds=TOGETHER_SECONDS))

    def move(self, at: datetime, jump: timedelta, now: datetime) -> datetime:
        """Return when the next check is due after the clock was set."""
        self._due.move(jump, now)
        return self.get_next_fire_time(None, now)
