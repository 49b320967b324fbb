"""Calls a function at a moment of the monotonic clock, on one thread that sleeps until the next one."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("hostvigil.timers")


class Deadline:
    """One call to come, unless it is called off, which any thread may do."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.function: Callable[[], None] | None = function

    def call_off(self) -> None:
        """It may be on its way already: the function itself sees whether all is well."""
        self.function = None


class Deadlines:
    """Nearly all are called off, so the thread is not woken for those: it passes over them when it wakes next."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Deadline]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, at: float, function: Callable[[], None]) -> Deadline:
        """Call `function` at `at`, in monotonic seconds."""
        deadline = Deadline(function)
        with self._changed:
            sooner = not self._heap or at < self._heap[0][0]
            heapq.heappush(self._heap, (at, next(self._order), deadline))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            elif sooner:
                self._changed.notify()
        return deadline

    def _watch(self) -> None:
        while True:
            function = self._next()
            try:
                function()
            except Exception:
                log.exception("a bug of ours: a deadline was not kept; the others are")

    def _next(self) -> Callable[[], None]:
        with self._changed:
            while True:
                while self._heap and self._heap[0][2].function is None:
                    heapq.heappop(self._heap)
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                elif function := heapq.heappop(self._heap)[2].function:
                    return function
