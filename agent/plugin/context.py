"""What a run may use besides its settings: its deadline, its memory, shared work, bounded calls."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, TypeVar

from agent.plugin.errors import CheckError
from agent.plugin.patterns import TakesLong, searching_briefly
from agent.plugin.shared_work import Call, SharedWork
from agent.plugin.units import duration_text

__all__ = ["Call", "CheckError", "Context", "SharedWork"]

T = TypeVar("T")


class Context:
    """Given to `Check.run`: what a run may ask, and what its check remembers. Only the run's own thread uses it."""

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
        """Its name."""
        self.timeout = timeout
        """Seconds that a run may take."""
        self.begin({} if memory is None else memory)
        self.due = self.started if due is None else due
        """When the run should have begun, by the clock of `deadline`."""
        self._shared = SharedWork() if shared is None else shared
        self._wall = wall
        self._interrupts: list[Callable[[], None]] = []
        self._interrupted = False

    def begin(self, memory: dict[str, Any]) -> None:
        """Start the clock: the time a run waited for a free thread is not the check's."""
        self.memory = memory
        """JSON values, kept until the check's next run, and over restarts; {} at its first run."""
        self.started = time.monotonic()
        """When the run began, by the clock of `deadline`."""
        self.deadline = self.started + self.timeout
        """When the run must have ended, in seconds of `time.monotonic()`."""

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
        pending = {key: self._shared.call(key, function) for key, function in functions.items()}
        return {key: self._answer(key, call) for key, call in pending.items()}

    async def call_async(self, key: str, function: Callable[[], T], most: int = 0) -> T:
        """As `call`, for an `async def run`: other runs go on meanwhile.

        `most`: so many calls at once whose key begins with the same word; further ones wait for their turn.
        """
        call = self._shared.call(key, function, most)
        await call.wait(self._patience(call))
        answer = self._result_of(key, call)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    async def compute(self, function: Callable[[], T], long: bool = False) -> T:
        """Return `function()`, which only computes, for an `async def run`.

        It is called at once, in the loop's thread. Where it is `long`, or searches for a pattern that may take long,
        it is called on another thread (perhaps a second time), so that other runs go on meanwhile.
        """
        if not long:
            with suppress(TakesLong), searching_briefly():
                return function()
        key = f"computing for {self.check}"
        if last := self._shared.at_work(key):  # of an earlier run, about what it saw: its answer is not this one's
            await last.wait(self._patience(last))
            if not last.done.is_set():
                raise CheckError(
                    f"not done for {duration_text(time.monotonic() - last.started_at)}: an earlier run computes"
                )
        return await self.call_async(key, function)

    async def computed(self, make: Callable[[], Iterable[T]], long: bool = False) -> AsyncIterator[T]:
        """Yield what `make()` yields, computed as `compute` does; a CheckError comes after what came before it."""
        results, error = await self.compute(lambda: _until_error(make()), long)
        for one in results:
            yield one
        if error:
            raise error

    def _answer(self, key: str, call: Call) -> Any:
        call.done.wait(self._patience(call))
        return self._result_of(key, call)

    def _patience(self, call: Call) -> float:
        """Return how many seconds the run waits for a call."""
        tenth = min(0.5, self.timeout / 10)
        # A tenth is kept back so that the check can still word what it found before the deadline; and what has hung for
        # longer than that gets no more than a tenth, so that the others of the run are not told late each time.
        hangs = self.started - call.started_at > self.timeout
        until = self.started + tenth if hangs else self.deadline - tenth
        return max(0.0, until - time.monotonic())

    def _result_of(self, key: str, call: Call) -> Any:
        if not call.done.is_set():
            self._shared.late(key)
            return CheckError(f"not answering for {duration_text(time.monotonic() - call.started_at)}")
        self._shared.forget(key, call)
        try:
            return call.result()
        except Exception as error:  # noqa: BLE001 - the caller of `calls` gets it as a value
            return error

    def interruptible(self, interrupt: Callable[[], None]) -> AbstractContextManager[None]:
        """While inside, have `interrupt` called from another thread when the run is given up or the agent stops."""
        return _Interruptible(self, interrupt)

    @property
    def interrupted(self) -> bool:
        """Tell whether the run was given up."""
        return self._interrupted

    def interrupt(self) -> None:
        """Give the run up: called by the runner, from its own thread."""
        self._interrupted = True
        for interrupt in tuple(self._interrupts):
            interrupt()


class _Interruptible:
    """Inside of its `with` a run may be interrupted; to be a generator would cost three times as much."""

    __slots__ = ("_context", "_interrupt")

    def __init__(self, context: Context, interrupt: Callable[[], None]) -> None:
        self._context, self._interrupt = context, interrupt

    def __enter__(self) -> None:
        self._context._interrupts.append(self._interrupt)
        if self._context.interrupted:
            self._interrupt()

    def __exit__(self, *_: object) -> None:
        self._context._interrupts.remove(self._interrupt)


def _until_error(results: Iterable[T]) -> tuple[list[T], CheckError | None]:
    items: list[T] = []
    try:
        for one in results:
            items.append(one)
    except CheckError as error:
        return items, error
    return items, None
