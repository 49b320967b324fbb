"""One event loop on a daemon thread of its own: what only waits, waits there together and costs no thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

log = logging.getLogger("hostvigil.loop")

Begin = Callable[["LoopThread"], Coroutine[Any, Any, None]]
"""Makes the coroutine of one run; called in the loop's thread, with that."""


class Loop:
    """Takes work from any thread. The thread is started with the first work, and another one for each that is lost."""

    def __init__(self, name: str) -> None:
        self._name = name
        # The lock is between those who hand work over and the thread that takes it.
        self._lock = threading.Lock()
        self._work: list[Begin] = []
        self._is_awake = False
        self._thread: LoopThread | None = None

    def submit(self, begin: Begin) -> None:
        """Have it begun soon; never blocks. What comes meanwhile is taken together."""
        with self._lock:
            self._work.append(begin)
            if self._is_awake:
                return
            self._wake()

    def replace(self, thread: LoopThread) -> None:
        """A run does not let the thread go: what is new gets another one."""
        with self._lock:
            if self._thread is thread:
                self._thread = None
                if self._work:
                    self._wake()
        thread.end_when_done()

    def _wake(self) -> None:
        try:
            thread = self._thread = self._thread or LoopThread(self._name)
        except RuntimeError:
            log.error("runs wait for a thread, the system gives no new one (TasksMax, ulimit -u)")
            return
        self._is_awake = True
        thread.loop.call_soon_threadsafe(self._begin, thread)

    def _begin(self, thread: LoopThread) -> None:
        with self._lock:
            if self._thread is not thread:
                return  # the one that took its place does it
            work, self._work = self._work, []
            self._is_awake = False
        for begin in work:
            thread.start(begin)


class LoopThread:
    """The thread and its loop. RuntimeError where the system gives no thread."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        """Nobody else holds them."""
        self._ends = False
        """Its last run ends it."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self.loop.close()
            raise

    @property
    def number(self) -> int:
        return self._thread.ident or 0

    def start(self, begin: Begin) -> None:
        task = self.loop.create_task(begin(self))
        self._tasks.add(task)
        task.add_done_callback(self._end_task)

    def end_when_done(self) -> None:
        """Have it end when its runs have, which may be never; from any thread."""
        self._ends = True
        self.call(self._end_if_done)

    def call(self, function: Callable[[], object]) -> None:
        """Have it called in the loop, from any thread; nothing where the loop has ended."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        self.loop.run_forever()
        self.loop.close()

    def _end_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._ends and not self._tasks:
            self.loop.stop()

    def at_work_on(self) -> asyncio.Task[Any] | None:
        """Return the task whose code runs just now; None while all wait. From any thread."""
        return asyncio.current_task(self.loop)
