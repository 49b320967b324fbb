"""What a run may use besides its settings: its deadline, its memory, work shared with other runs, bounded calls."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from agent.plugin.errors import CheckError
from agent.plugin.units import duration_text

__all__ = ["Call", "CheckError", "Context", "SharedWork"]

T = TypeVar("T")


class Call:
    """One function on a daemon thread of its own, so that a system call that never returns holds nobody else."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.started = time.monotonic()
        self.done = threading.Event()
        self._function = function
        self._value: Any = None
        self._error: BaseException | None = None
        # The run's deadline goes along, for the patterns that are searched in there.
        work = contextvars.copy_context().run
        threading.Thread(target=work, args=(self._work,), name="call", daemon=True).start()

    def _work(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits, in its thread
            self._error = error
        self.done.set()

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


MOST_MADE, KEPT_SECONDS = 100, 60.0
"""Beyond so many values, what was made longer ago is forgotten: it is made anew for the next run anyway."""


class SharedWork:
    """Lives as long as the agent: values made once for all runs due together, and the calls that hang."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        self._made: dict[str, tuple[float, Any]] = {}
        self._calls: dict[str, Call] = {}

    def once(self, key: str, due: float, make: Callable[[], T]) -> T:
        """Return what was made at or after `due` (monotonic seconds), or make it, one thread at a time."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            at, value = self._made.get(key, (-1.0, None))
            if at < due:
                at = time.monotonic()
                value = make()
                self._keep(key, at, value)
            return value  # type: ignore[no-any-return]  # the key stands for the type

    def _keep(self, key: str, at: float, value: Any) -> None:
        """Keep what was made; of the many things that keys may name, what nobody asked for lately is forgotten."""
        with self._lock:
            self._made[key] = (at, value)
            if len(self._made) > MOST_MADE:
                old = [name for name, (made, _) in self._made.items() if made < at - KEPT_SECONDS]
                for name in old:
                    del self._made[name]
                    self._making.pop(name, None)

    def call(self, key: str, function: Callable[[], Any]) -> Call:
        """Start the call, unless the last one of this key has not come back yet: then return that."""
        with self._lock:
            last = self._calls.get(key)
            if last is not None and not last.done.is_set():
                return last
            call = self._calls[key] = Call(function)
            return call

    def forget(self, key: str, call: Call) -> None:
        with self._lock:
            if self._calls.get(key) is call:
                del self._calls[key]


class Context:
    """Given to `Check.run`. `memory` holds JSON values and is what the check remembers until its next run."""

    def __init__(
        self,
        check: str = "check",
        timeout: float = 10.0,
        memory: dict[str, Any] | None = None,
        shared: SharedWork | None = None,
        due: float | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.check = check
        self.timeout = timeout
        self.begin({} if memory is None else memory)
        self.due = self.started if due is None else due
        self._shared = SharedWork() if shared is None else shared
        self._wall = wall
        self._interrupts: list[Callable[[], None]] = []
        self._interrupted = False

    def begin(self, memory: dict[str, Any]) -> None:
        """Start the clock: the time a run waited for a free thread is not the check's."""
        self.memory = memory
        self.started = time.monotonic()
        self.deadline = self.started + self.timeout

    def remaining(self) -> float:
        """Return the seconds left before the deadline, never below 0."""
        return max(0.0, self.deadline - time.monotonic())

    def now(self) -> float:
        """Return the wall clock's time in seconds since 1970: for telling and for ages, not for waiting."""
        return self._wall()

    def shared(self, key: str, make: Callable[[], T]) -> T:
        """Return `make()`, called once for all runs that were due together with this one."""
        return self._shared.once(key, self.due, make)

    def call(self, key: str, function: Callable[[], T]) -> T:
        """Return `function()`, or raise CheckError when it does not answer by the deadline (see `calls`)."""
        answer = self.calls({key: function})[key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def calls(self, functions: Mapping[str, Callable[[], T]]) -> dict[str, T | Exception]:
        """Run functions that may hang side by side, each on a thread of its own, until the deadline.

        The answers are values or exceptions. A key is the name of what may hang (`statvfs /mnt`) in the whole agent:
        while one call of a key hangs, no second one is started: its answer, should it come, serves all who wait.
        """
        started = {key: self._shared.call(key, function) for key, function in functions.items()}
        return {key: self._answer(key, call) for key, call in started.items()}

    def _answer(self, key: str, call: Call) -> Any:
        tenth = min(0.5, self.timeout / 10)
        # A tenth is kept back so that the check can still word what it found before the deadline; and what has hung for
        # longer than that gets no more than a tenth, so that the others of the run are not told late each time.
        hangs = self.started - call.started > self.timeout
        until = self.started + tenth if hangs else self.deadline - tenth
        if not call.done.wait(max(0.0, until - time.monotonic())):
            return CheckError(f"not answering for {duration_text(time.monotonic() - call.started)}")
        self._shared.forget(key, call)
        try:
            return call.result()
        except Exception as error:  # noqa: BLE001 - the caller of `calls` gets it as a value
            return error

    @contextmanager
    def interruptible(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """While inside, have `interrupt` called from another thread when the run is given up or the agent stops."""
        self._interrupts.append(interrupt)
        try:
            if self._interrupted:
                interrupt()
            yield
        finally:
            self._interrupts.remove(interrupt)

    def interrupt(self) -> None:
        """Give the run up: called by the runner, from its own thread."""
        self._interrupted = True
        for interrupt in tuple(self._interrupts):
            interrupt()
