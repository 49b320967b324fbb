"""Daemon threads for jobs that may hang: few while jobs end, more when they do not, others for those that are lost."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from agent.running.timers import Deadlines

log = logging.getLogger("hostvigil.workers")

Job = TypeVar("Job")

MOST = 100
"""Jobs side by side; more are started only in place of those that hang."""
IDLE_SECONDS = 60.0
QUEUE_SECONDS = 0.05
"""How long jobs may wait for the workers at work before there is another one."""


class Workers(Generic[Job]):
    """`submit` never blocks. `work` does a job; it returns False where its worker was given up as lost meanwhile."""

    def __init__(self, work: Callable[[Job], bool], deadlines: Deadlines) -> None:
        self._work = work
        self._deadlines = deadlines
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._count = 0
        self._idle: list[queue.SimpleQueue[Job]] = []
        self._ended = self._ended_then = 0
        self._relief, self._relieving = 1, False

    def submit(self, job: Job) -> None:
        """Give the job to a worker if none is at work; else it waits, for those at work are mostly done in no time.

        A worker for each job of many would have them all fight for Python's one lock.
        """
        with self._lock:
            self._waiting.append(job)
            if self._count == len(self._idle):
                self._hand_on()
            elif not self._relieving:
                self._relieve_later()

    def lost(self) -> None:
        """A worker hangs and is given up: another one may take its place."""
        with self._lock:
            self._count -= 1
            self._hand_on()

    def _relieve_later(self) -> None:
        self._relieving, self._ended_then = True, self._ended
        self._deadlines.add(time.monotonic() + QUEUE_SECONDS, self._relieve)

    def _relieve(self) -> None:
        """Some still wait: one more worker, and twice as many each time while no job ends at all."""
        with self._lock:
            self._relief = 1 if self._ended > self._ended_then else self._relief * 2
            for _ in range(min(self._relief, len(self._waiting))):
                self._hand_on()
            self._relieving = False
            if self._waiting and self._count < MOST:
                self._relieve_later()

    def _hand_on(self) -> None:
        """Give the job that has waited longest to a worker, if one is to be had."""
        if not self._waiting or (not self._idle and self._count >= MOST):
            return
        job = self._waiting.popleft()
        if self._idle:
            # The last to become idle: its memory is still in the processor's cache, and workers too many can end.
            self._idle.pop().put(job)
        else:
            self._add(job)

    def _add(self, job: Job) -> None:
        try:
            threading.Thread(target=self._serve, args=(job,), name="worker", daemon=True).start()
        except RuntimeError:
            log.error("a run waits for a free thread, the system gives no new one (TasksMax, ulimit -u)")
            self._waiting.append(job)
        else:
            self._count += 1

    def _serve(self, first: Job) -> None:
        inbox: queue.SimpleQueue[Job] = queue.SimpleQueue()
        job: Job | None = first
        while job is not None:
            if not self._work(job):
                return  # another worker took this one's place
            job = self._next(inbox)

    def _next(self, inbox: queue.SimpleQueue[Job]) -> Job | None:
        with self._lock:
            self._ended += 1
            if self._waiting:
                return self._waiting.popleft()
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
