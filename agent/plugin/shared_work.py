"""What runs share: values made once for all that are due together, and calls that may hang."""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class Call:
    """One function on a daemon thread of its own, so that a system call that never returns holds nobody else."""

    def __init__(self, function: Callable[[], Any], on_end: Callable[[], None] = lambda: None) -> None:
        self.started_at = time.monotonic()
        self.done = threading.Event()
        # The lock is between the end of the call and those who want to hear of it.
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._function = function
        self._on_end = on_end
        self._value: Any = None
        self._error: BaseException | None = None
        # The run's deadline goes along, for the patterns that are searched in there.
        self._in_context = contextvars.copy_context().run

    def begin(self) -> None:
        threading.Thread(target=self._in_context, args=(self._work,), name="call", daemon=True).start()

    def _work(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits, in its thread
            self._error = error
        with self._lock:
            self.done.set()
        for listener in self._listeners:
            listener()
        self._on_end()

    def tell(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when the call has ended, in the call's thread; at once where it has."""
        with self._lock:
            if not self.done.is_set():
                self._listeners.append(listener)
                return
        listener()

    async def wait(self, seconds: float) -> None:
        """Wait for its end in a loop, so long at the most."""
        import asyncio  # 20 ms that commands do not have

        loop, end = asyncio.get_running_loop(), asyncio.Event()

        def listener() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(end.set)

        self.tell(listener)
        with suppress(TimeoutError):
            await asyncio.wait_for(end.wait(), seconds)

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class Queue:
    """Calls of one kind of which only so many are at work at once; the others wait. Any thread may use it.

    Those that were late the last time never take all the room: a name that cannot be looked up holds up others of
    its like, and none that can.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[bool, deque[Call]] = {False: deque(), True: deque()}
        """By whether they were late the last time."""
        self._at_work = {False: 0, True: 0}
        self._most = 0

    def add(self, call: Call, most: int, late: bool) -> None:
        """Let a call begin as soon as fewer than `most` are at work; `late`: it was so the last time."""
        with self._lock:
            self._most = most
            self._waiting[late].append(call)
        self._go_on()

    def end(self, late: bool) -> None:
        """One of those at work is done: the next may begin."""
        with self._lock:
            self._at_work[late] -= 1
        self._go_on()

    def _go_on(self) -> None:
        with self._lock:
            late = not self._waiting[False]
            room = self._most - sum(self._at_work.values())
            if late:
                room = min(room, self._most * 3 // 4 - self._at_work[True])
            if not self._waiting[late] or room <= 0:
                return
            self._at_work[late] += 1
            call = self._waiting[late].popleft()
        try:
            call.begin()
        except RuntimeError:  # no thread is to be had now: the next one tries again
            with self._lock:
                self._at_work[late] -= 1
                self._waiting[late].appendleft(call)


MOST_MADE, KEPT_SECONDS = 100, 60.0
"""Beyond so many values, what was made longer ago is forgotten: it is made anew for the next run anyway."""


class SharedWork:
    """Lives as long as the agent: values made once for all runs due together, and the calls that hang."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        self._cache: dict[str, tuple[float, Any]] = {}
        self._calls: dict[str, Call] = {}
        self._queues: dict[str, Queue] = {}
        self._late: set[str] = set()
        """Calls that did not answer in time when they were last waited for."""

    def once(self, key: str, due: float, make: Callable[[], T]) -> T:
        """Return what was made at or after `due` (monotonic seconds), or make it, one thread at a time."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            at, value = self._cache.get(key, (-1.0, None))
            if at < due:
                at = time.monotonic()
                value = make()
                self._keep(key, at, value)
            return value  # type: ignore[no-any-return]  # the key stands for the type

    def _keep(self, key: str, at: float, value: Any) -> None:
        """Keep what was made; of the many things that keys may name, what nobody asked for lately is forgotten."""
        with self._lock:
            self._cache[key] = (at, value)
            if len(self._cache) > MOST_MADE:
                old = [name for name, (when, _) in self._cache.items() if when < at - KEPT_SECONDS]
                for name in old:
                    del self._cache[name]
                    self._making.pop(name, None)

    def call(self, key: str, function: Callable[[], Any], most: int = 0) -> Call:
        """Start the call, unless the last one of this key has not come back yet: then return that.

        With `most`, it waits while so many are at work whose key begins with the same word.
        """
        with self._lock:
            last = self._calls.get(key)
            if last is not None and not last.done.is_set():
                return last
            if not most:
                call = self._calls[key] = Call(function)
            else:
                queue = self._queues.setdefault(key.partition(" ")[0], Queue())
                late = key in self._late
                call = self._calls[key] = Call(function, partial(queue.end, late))
        if most:
            queue.add(call, most, late)
        else:
            call.begin()
        return call

    def at_work(self, key: str) -> Call | None:
        """Return the call of this key that has not come back yet."""
        with self._lock:
            last = self._calls.get(key)
            return last if last is not None and not last.done.is_set() else None

    def late(self, key: str) -> None:
        """The call did not answer in time."""
        with self._lock:
            self._late.add(key)

    def forget(self, key: str, call: Call) -> None:
        """The call is done, and its like was not late."""
        with self._lock:
            self._late.discard(key)
            if self._calls.get(key) is call:
                del self._calls[key]
