"""APScheduler's jobs from checks: spread, cron, retries, clock jumps. It says when; the runner decides whether.

APScheduler reckons in wall-clock time, and a clock set back two hours would stop all checks for two hours. So its
thread sleeps for spans (monotonic), and when it wakes and finds that the wall clock was set, every interval's next
turn moves along with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from agent.config.diff import Difference, difference, scheduled
from agent.config.settings import CheckConfig, Config
from agent.config.turns import next_turn, zone_of
from agent.plugin.units import utc

Start = Callable[[CheckConfig, float], None]
"""Called with a check and when it was due, in monotonic seconds; must not block."""

JUMP_SECONDS = 1.0
"""A smaller difference between the clocks is slewing and scheduling, not somebody setting the clock."""

LONGEST_SLEEP_SECONDS = 60.0
"""A clock set forward past a cron turn is noticed this late at the most."""

TOGETHER_SECONDS = 0.1
"""A turn may be so late: those due within it start together and find the processor's caches warm, which saves a fifth
of the CPU of 300 http checks."""

SOON_SECONDS = 10.0
"""What was due while the agent was away, and what never ran, begins spread over this."""

AT_ONCE_SECONDS = 1.0
"""With `at_once`, the first turns of all checks are spread over this instead of their intervals."""


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Turns on a fixed grid: anchor, anchor + interval, ... whatever happened in between; missed turns are one."""

    def __init__(self, anchor: datetime, interval: float, first: datetime) -> None:
        self.anchor = anchor
        self.interval = timedelta(seconds=interval)
        self.first = first

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return self.first if previous_fire_time is None else self.after(now)

    def after(self, now: datetime) -> datetime:
        """Return the first moment of the grid after `now`."""
        return self.anchor + ((now - self.anchor) // self.interval + 1) * self.interval


class Cron(BaseTrigger):  # type: ignore[misc]
    """The turns of a cron line, by the clock on the wall; missed turns are one."""

    def __init__(self, line: str, zone: str, first: datetime | None = None) -> None:
        self._line = line
        self._zone = zone_of(zone)
        self._first = first
        """For a turn that was missed; it is made up for once."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        if previous_fire_time is None:
            first, self._first = self._first, None
            return first or next_turn(self._line, self._zone, now - timedelta(microseconds=1))
        return next_turn(self._line, self._zone, max(previous_fire_time, now))


class StartAtOnce(BaseExecutor):  # type: ignore[misc]
    """Hands each due job to the runner in the scheduler's own thread: no pool of APScheduler's to hang at exit.

    The runner keeps a check from overlapping itself, so the instance counting of the base class is not needed.
    """

    def submit_job(self, job: Any, run_times: list[datetime]) -> None:
        late = max(0.0, (datetime.now(UTC) - run_times[-1]).total_seconds())
        job.func(job.args[0], time.monotonic() - late)

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        raise AssertionError("submit_job does all the work")


class SteadyScheduler(BackgroundScheduler):  # type: ignore[misc]
    """APScheduler that keeps its intervals when the wall clock is set."""

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
        # Locked: a job that a reload removes meanwhile would end this thread, and all checks with it.
        with self._jobstores_lock:
            for job in self.get_jobs():
                job.modify(next_run_time=_moved(job, timedelta(seconds=jump)))
        return True

    def not_later(self, check: str, at: datetime) -> None:
        """Have the check's next turn at `at`, unless it comes sooner; nothing if it has none any more."""
        with self._jobstores_lock:
            job = self.get_job(check)
            if job is not None and job.next_run_time > at:
                job.modify(next_run_time=at)


def _moved(job: Any, jump: timedelta) -> datetime:
    """An interval is a span and moves along with the clock; a cron line means the clock itself."""
    if isinstance(job.trigger, Every):
        job.trigger.anchor += jump
        return job.next_run_time + jump  # type: ignore[no-any-return]
    return job.trigger.get_next_fire_time(None, datetime.now(UTC))  # type: ignore[no-any-return]


class Schedule:
    """When each check is due."""

    _start: Start
    """Given by `begin`."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
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
        now = datetime.now(UTC)
        for config in checks:
            ran = utc(last[config.name]) if last and config.name in last else None
            self._add(config, at_once, None if last is None else due_at(config, now, ran))
        self._scheduler.start()

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something done besides the checks, in the same thread; it must not block."""
        now = datetime.now(UTC)
        self._scheduler.add_job(lambda *_: act(), Every(now, seconds, now), (None, 0.0))

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        self.update(difference(scheduled(old), scheduled(new)))

    def update(self, difference: Difference) -> None:
        """Take over a reloaded configuration: a check's turn may come sooner by it, but never later."""
        for name in difference.removed:
            if self._scheduler.get_job(name):
                self._scheduler.remove_job(name)
        for config in difference.added.values():
            self._add(config, due=due_at(config, datetime.now(UTC), None))
        for config in difference.changed.values():
            job = self._scheduler.get_job(config.name)
            turn = job and job.next_run_time  # a cron line may have no turn any more
            if job:
                self._scheduler.remove_job(config.name)
            self._add(config)
            if turn:
                self._scheduler.not_later(config.name, turn)

    def _add(self, config: CheckConfig, at_once: bool = False, due: datetime | None = None) -> None:
        now = datetime.now(UTC)
        anchor = now - timedelta(seconds=time.monotonic() - self._begun)
        # APScheduler holds the arguments against the signature; the executor puts in when it was truly due.
        arguments = (config, 0.0)
        trigger = trigger_of(config, anchor, now, at_once, due)
        self._scheduler.add_job(self._start, trigger, arguments, id=config.name, name=config.name)

    def retry(self, check: str, seconds: float) -> None:
        """Run the check again in `seconds`, unless its next turn comes sooner."""
        self._scheduler.not_later(check, datetime.now(UTC) + timedelta(seconds=seconds))

    def next_run(self, check: str) -> int:
        """Return when the check is due next, in Unix milliseconds; 0 when it is not scheduled."""
        job = self._scheduler.get_job(check)
        return 0 if job is None else int(job.next_run_time.timestamp() * 1000)

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def trigger_of(
    config: CheckConfig, begun: datetime, now: datetime, at_once: bool = False, due: datetime | None = None
) -> BaseTrigger:
    """Return the check's trigger: its cron line, or its interval on a grid of its own since the agent began.

    `due` is when it must have its first turn, see `due_at`; None: when its grid or line says so.
    """
    if config.cron:
        return Cron(config.cron, config.timezone, soon(config, now) if due and due <= now else None)
    grid = Every(begun + timedelta(seconds=offset(config)), config.interval, now)
    if at_once:
        grid.first = now + timedelta(seconds=offset(config) % AT_ONCE_SECONDS)
    else:
        grid.first = min(grid.after(now), max(due, soon(config, now))) if due else grid.after(now)
    return grid


def due_at(config: CheckConfig, now: datetime, last: datetime | None) -> datetime | None:
    """Return when a check is due after its last run; None: its line says so. Pure.

    One that never ran is due now, and so is one whose last run lies ahead, for a wrong clock has noted it.
    """
    if config.cron:
        return next_turn(config.cron, zone_of(config.timezone), last) if last and last <= now else None
    return now if last is None or last > now else last + timedelta(seconds=config.interval)


def soon(config: CheckConfig, now: datetime) -> datetime:
    """Return a moment within the next seconds: checks are spread over them, those that share work are together."""
    spread = min(SOON_SECONDS, SOON_SECONDS if config.cron else config.interval)
    return now + timedelta(seconds=fraction(config.type if config.check.together else config.name) * spread)


def offset(config: CheckConfig) -> float:
    """Spread checks over their interval, in seconds, by name: the same after every restart.

    Checks that share work are due at the same moments, whichever their intervals: one offset for the whole type.
    """
    if config.check.together:
        return fraction(config.type)
    return fraction(config.name) * config.interval


def fraction(name: str) -> float:
    digest = blake2s(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
