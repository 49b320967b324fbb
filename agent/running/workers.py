"""Daemon threads for jobs that may hang: few while jobs end, more when they do not, others for those that are lost."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Generic, TypeVar

from agent.running.timers import Deadlines

log = logging.getLogger("hostvigil.workers")

Job = TypeVar("Job")

MOST = 50
"""Jobs of one kind side by side; more are started only in place of those that hang."""
IDLE_SECONDS = 60.0
"""After which a worker that nobody needs ends."""
QUEUE_SECONDS = 0.05
"""How long jobs may wait for the workers at work before there is another one."""
SAY_SECONDS = 300.0
"""How often it is said that a kind is full."""


class JobQueue(Generic[Job]):
    """Jobs that wait, by kind. A kind has room for MOST at work, so that none that hangs takes the room of another.

    The lock of the workers is held by whoever calls it.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[int, Job]]] = {}
        self._at_work: Counter[str] = Counter()
        self._number = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, kind: str, job: Job) -> None:
        self._number += 1
        self._waiting.setdefault(kind, deque()).append((self._number, job))

    def give_back(self, kind: str, job: Job) -> None:
        """It was taken and could not be begun."""
        self._at_work[kind] -= 1
        self.add(kind, job)

    def take(self) -> tuple[str, Job] | None:
        """Take the job that has waited longest, of those whose kind has room."""
        with_room = [kind for kind in self._waiting if self._at_work[kind] < MOST]
        if not with_room:
            return None
        kind = min(with_room, key=lambda kind: self._waiting[kind][0][0])
        _, job = self._waiting[kind].popleft()
        if not self._waiting[kind]:
            del self._waiting[kind]
        self._at_work[kind] += 1
        return kind, job

    def end(self, kind: str) -> None:
        """A job of the kind is done, or given up."""
        self._at_work[kind] -= 1

    def full(self) -> list[str]:
        """Return the kinds of which jobs wait because too many are at work."""
        return [kind for kind in self._waiting if self._at_work[kind] >= MOST]


class Relief:
    """How many more workers are to be had while jobs wait. Pure."""

    def __init__(self) -> None:
        self._end_count = 0
        """Jobs, as of the last look."""
        self._more = 1
        self.planned = False
        """There will be another look."""

    def plan(self, end_count: int) -> None:
        self._end_count, self.planned = end_count, True

    def more(self, end_count: int) -> int:
        """Return how many: one, and twice as many each time while no job ends at all."""
        self.planned = False
        self._more = 1 if end_count > self._end_count else self._more * 2
        return self._more


class Workers(Generic[Job]):
    """The threads for jobs. Any thread may `submit`, which never blocks, and `replace`.

    `work` does a job; it returns False where its worker was given up as lost meanwhile.
    """

    def __init__(self, work: Callable[[Job], bool], deadlines: Deadlines) -> None:
        self._work = work
        self._deadlines = deadlines
        self._lock = threading.Lock()  # between who submits, the workers that end, and the thread of deadlines
        self._jobs: JobQueue[Job] = JobQueue()
        self._count = 0
        self._idle: list[queue.SimpleQueue[tuple[str, Job]]] = []
        self._end_count = 0
        self._relief = Relief()
        self._last_warnings: dict[str, float] = {}

    def submit(self, job: Job, kind: str = "") -> None:
        """Give the job to a worker if none is at work; else it waits, for those at work are mostly done in no time.

        A worker for each job of many would have them all fight for Python's one lock.
        """
        with self._lock:
            self._jobs.add(kind, job)
            if self._count == len(self._idle):
                self._hand_on()
            elif not self._relief.planned:
                self._relieve_later()

    def replace(self, kind: str = "") -> None:
        """A worker hangs and is given up: another one may take its place."""
        with self._lock:
            self._count -= 1
            self._jobs.end(kind)
            self._hand_on()

    def _relieve_later(self) -> None:
        self._relief.plan(self._end_count)
        self._deadlines.add(time.monotonic() + QUEUE_SECONDS, self._relieve)

    def _relieve(self) -> None:
        """Jobs may still wait: then there are more workers."""
        with self._lock:
            has_threads = True
            for _ in range(min(self._relief.more(self._end_count), len(self._jobs))):
                has_threads = has_threads and self._hand_on()
            self._say_full()
            if len(self._jobs) and has_threads:
                self._relieve_later()

    def _say_full(self) -> None:
        now = time.monotonic()
        for kind in self._jobs.full():
            if now - self._last_warnings.get(kind, -SAY_SECONDS) >= SAY_SECONDS:
                self._last_warnings[kind] = now
                log.warning("%d runs of the type '%s' do not end, its other checks wait for them", MOST, kind)

    def _hand_on(self) -> bool:
        """Give the job that has waited longest to a worker; False where none is to be had."""
        entry = self._jobs.take()
        if entry is None:
            return False
        if self._idle:
            # The last to become idle: its memory is still in the processor's cache, and workers too many can end.
            self._idle.pop().put(entry)
            return True
        return self._add(*entry)

    def _add(self, kind: str, job: Job) -> bool:
        try:
            threading.Thread(target=self._serve, args=((kind, job),), name="worker", daemon=True).start()
        except RuntimeError:
            log.error("a run waits for a free thread, the system gives no new one (TasksMax, ulimit -u)")
            self._jobs.give_back(kind, job)
            return False
        self._count += 1
        return True

    def _serve(self, first: tuple[str, Job]) -> None:
        inbox: queue.SimpleQueue[tuple[str, Job]] = queue.SimpleQueue()
        entry: tuple[str, Job] | None = first
        while entry is not None:
            kind, job = entry
            if not self._work(job):
                return  # another worker took this one's place
            entry = self._next(kind, inbox)

    def _next(self, kind: str, inbox: queue.SimpleQueue[tuple[str, Job]]) -> tuple[str, Job] | None:
        with self._lock:
            self._end_count += 1
            self._jobs.end(kind)
            if entry := self._jobs.take():
                return entry
            self._idle.append(inbox)
        while True:
            try:
                return inbox.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if inbox in self._idle:
                        self._idle.remove(inbox)
                        self._count -= 1
                        return None
