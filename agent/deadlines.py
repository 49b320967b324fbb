"""Calls a function at a moment of the monotonic clock, on one thread that sleeps until the next one."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Deadlines:
    """Most deadlines pass unneeded, so entries are never removed: the function itself sees that all is well."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, at: float, function: Callable[[], None]) -> None:
        """Call `function` at `at`, in monotonic seconds."""
        with self._changed:
            sooner = not self._heap or at < self._heap[0][0]
            heapq.heappush(self._heap, (at, next(self._order), function))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            elif sooner:
                self._changed.notify()

    def _watch(self) -> None:
        while True:
            self._next()()

    def _next(self) -> Callable[[], None]:
        with self._changed:
            while True:
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait)
