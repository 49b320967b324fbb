"""APScheduler as we use it: its intervals go on when the wall clock is set, and its jobs start in its own thread.

APScheduler reckons in wall-clock time, and a clock set back two hours would stop all checks for two hours. So its
thread sleeps for spans (monotonic), and when it wakes and finds that the wall clock was set, every interval's next
turn moves along with it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.running.apscheduler_parts import BackgroundScheduler, BaseExecutor

JUMP_SECONDS = 1.0
"""A smaller difference between the clocks is slewing and scheduling, not somebody setting the clock."""

LONGEST_SLEEP_SECONDS = 60.0
"""A clock set forward past a cron turn is noticed this late at the most."""

TOGETHER_SECONDS = 0.1
"""A turn may be so late: those due within it start together and find the processor's caches warm, which saves a fifth
of the CPU of 300 http checks."""


class StartAtOnce(BaseExecutor):  # type: ignore[misc]  # APScheduler has no types
    """Calls each due job in the scheduler's own thread: no pool of APScheduler's to hang at exit.

    No job blocks, so the instance counting of the base class is not needed.
    """

    def submit_job(self, job: Any, run_times: list[datetime]) -> None:
        job.func()

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        raise AssertionError("submit_job does all the work")


class SteadyScheduler(BackgroundScheduler):  # type: ignore[misc]
    """APScheduler that keeps its intervals when the wall clock is set. Its triggers have `move` besides."""

    _offset = 0.0
    """Wall clock minus monotonic clock, in seconds, as last seen."""

    def start(self, *args: Any, **kwargs: Any) -> None:
        self._offset = time.time() - time.monotonic()
        super().start(*args, **kwargs)

    def _process_jobs(self) -> float:
        self._follow_clock()
        wait = super()._process_jobs()
        if self._follow_clock():
            return 0.0  # set while the jobs were started: the wait was reckoned across the jump
        return LONGEST_SLEEP_SECONDS if wait is None else min(max(wait, TOGETHER_SECONDS), LONGEST_SLEEP_SECONDS)

    def _follow_clock(self) -> bool:
        """Move the next turns along if the wall clock was set since the last look."""
        jump = time.time() - time.monotonic() - self._offset
        self._offset += jump
        if abs(jump) <= JUMP_SECONDS:
            return False
        span, now = timedelta(seconds=jump), datetime.now(UTC)
        # Locked: a job that a reload removes meanwhile would end this thread, and all checks with it.
        with self._jobstores_lock:
            for job in self.get_jobs():
                job.modify(next_run_time=job.trigger.move(job.next_run_time, span, now))
        return True

    def not_later(self, job: str, at: datetime) -> None:
        """Have the job's next turn at `at`, unless it comes sooner."""
        with self._jobstores_lock:
            entry = self.get_job(job)
            if entry is not None and entry.next_run_time > at:
                entry.modify(next_run_time=at)
