"""One look: a check's own code is run, and whatever it does becomes results."""

from __future__ import annotations

import time
import traceback
from collections.abc import AsyncIterable, Awaitable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from types import GeneratorType
from typing import Any

import msgspec

from agent.api import Check
from agent.model import Metric, Result, Status
from agent.plugin.context import CheckError, Context
from agent.plugin.patterns import searching_until
from agent.plugin.results import gather, limit_subjects
from agent.plugin.units import duration_text
from agent.running.folder import folder_to_keep

GRACE_SECONDS = 1.0
"""What a check that minds its own deadline may need to word its result after it."""


ToAwait = AsyncIterable[Any] | Awaitable[Iterable[Any]]
"""What an `async def run` gives."""
_AT_ONCE = (GeneratorType, list, tuple)
"""What a `run` mostly gives: known at once, where an abstract class is asked at ten times the cost."""


class CheckOutput(msgspec.Struct, frozen=True):
    """What one look has seen: one result a subject, at least one."""

    results: tuple[Result, ...]
    complete: bool = True
    """False: the run as a whole could not look."""
    bug: str = ""
    """The traceback, where the check's own code is at fault."""
    memory: dict[str, Any] | None = None
    """What the check remembers now; None leaves its last memory as it is."""
    left_out: tuple[Result, ...] = ()
    """Of subjects that are too many."""


def execute(check: Check, context: Context) -> CheckOutput:
    """Run the check in this thread, and to its end; what is to be awaited gets a loop of its own."""
    answer = begin(check, context)
    if isinstance(answer, CheckOutput):
        return answer
    import asyncio  # a check in a process of its own mostly needs none

    async def to_its_end() -> CheckOutput:
        task = asyncio.ensure_future(go_on(answer, context, check))
        if not (await asyncio.wait({task}, timeout=context.remaining() + GRACE_SECONDS))[0]:
            context.interrupt()
            task.cancel()
            return _cut_short(CheckError(f"did not finish within {duration_text(context.timeout)}"), (), check)
        return task.result()

    return asyncio.run(to_its_end())


def begin(check: Check, context: Context) -> CheckOutput | ToAwait:
    """Run the check in this thread; where its `run` gives what is to be awaited, return that instead, for `go_on`."""
    items: list[Any] = []
    folder = folder_to_keep(check)
    try:
        with searching_until(context.deadline):
            answer = check.run(context)
            if not isinstance(answer, _AT_ONCE) and isinstance(answer, AsyncIterable | Awaitable):
                return answer
            _collect(answer, context, items)
            if folder:
                folder.require()
            return _output(gather(items), memory=context.memory)
    except BaseException as error:  # noqa: BLE001 - a check is foreign code, SystemExit included; the runner logs it
        if folder:
            folder.come_back()
        return _cut_short(error, items, check)


async def go_on(awaitable: ToAwait, context: Context, check: Check) -> CheckOutput:
    """Await what a `run` gave, in this thread's loop. CancelledError where the run is given up."""
    items: list[Any] = []
    folder = folder_to_keep(check)
    try:
        with searching_until(context.deadline):
            if isinstance(awaitable, AsyncIterable):
                async for one in awaitable:
                    _keep(one, context, items)
            else:
                _collect(await awaitable, context, items)
            if folder:
                folder.require()
            return _output(gather(items), memory=context.memory)
    except BaseException as error:
        if folder:
            folder.come_back()
        # By its name: to import asyncio above takes 20 ms, which a child mostly need not spend.
        if type(error).__name__ == "CancelledError" and context.interrupted:
            raise
        return _cut_short(error, items, check)


_ASYNC = 0x80 | 0x200
"""CO_COROUTINE and CO_ASYNC_GENERATOR of `inspect`, which to import takes a megabyte."""


@lru_cache(100)
def is_async(kind: type[Check]) -> bool:
    """Tell whether a type's `run` is an `async def`: with `yield` or one that returns what was found."""
    run: Any = kind.run
    while isinstance(run, partial):
        run = run.func
    return hasattr(run, "__code__") and bool(run.__code__.co_flags & _ASYNC)


def _collect(answer: Any, context: Context, items: list[Any]) -> None:
    for one in _items(answer):
        _keep(one, context, items)


def _keep(item: Any, context: Context, items: list[Any]) -> None:
    items.append(item)
    if time.monotonic() > context.deadline + GRACE_SECONDS:
        raise CheckError(f"did not finish within {duration_text(context.timeout)}")


def _cut_short(error: BaseException, items: Sequence[Any], check: Check) -> CheckOutput:
    """Say how a look ended before its end."""
    if isinstance(error, CheckError):
        return _output(_with_failure(items, str(error) or "could not look"), complete=False)
    from agent.running.bug import bug_text

    return bug_output(bug_text(error, check), items)


def _output(
    results: tuple[Result, ...], complete: bool = True, bug: str = "", memory: dict[str, Any] | None = None
) -> CheckOutput:
    limited, left_out = limit_subjects(results)
    return CheckOutput(limited, complete, bug, memory, left_out)


def bug_output(reason: str, items: Sequence[Any] = ()) -> CheckOutput:
    """Tell of the exception that is being handled, beside what was found before it."""
    return _output(_with_failure(items, reason), complete=False, bug=traceback.format_exc())


def _items(answer: Any) -> Iterable[Any]:
    """Return what `run` made, where it can be gone through; TypeError says what to write instead."""
    if isinstance(answer, _AT_ONCE):
        return answer
    if isinstance(answer, Result | Metric):
        raise TypeError(f"run() returned a {type(answer).__name__}: yield it instead")
    if answer is None:
        raise TypeError("run() returned nothing: yield a result, such as `yield ok(...)`")
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        raise TypeError(f"run() returned {answer!r:.80}: yield a result, such as `yield ok(...)`")
    return answer


def _with_failure(items: Sequence[Any], reason: str) -> tuple[Result, ...]:
    """Keep what was seen before the run failed; the failure itself belongs to the check, subject ''."""
    return gather(
        [one for one in items if isinstance(one, Result) and _is_sound(one)] + [Result(Status.NODATA, reason)]
    )


def _is_sound(result: Result) -> bool:
    try:
        return bool(gather([result]))
    except (TypeError, ValueError):
        return False
