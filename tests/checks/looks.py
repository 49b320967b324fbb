"""What a run found, for tests that call it without an agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator
from typing import Any, TypeVar

from checks.script import Script
from checks.script.word import Word

T = TypeVar("T")


def script_of(*command: str, **settings: Any) -> Script:
    """Make a check that runs this command."""
    return Script(command=[Word(word) for word in command], **settings)


def found(made: AsyncIterable[T] | Awaitable[Iterable[T]] | Iterable[T]) -> Iterator[T]:
    """Yield what a run found; its CheckError after what came before it."""
    if isinstance(made, Iterable):
        yield from made
        return
    results: list[T] = []
    try:
        asyncio.run(_gather(made, results))
    finally:
        yield from results


async def _gather(made: AsyncIterable[T] | Awaitable[Iterable[T]], results: list[T]) -> None:
    if isinstance(made, AsyncIterable):
        async for one in made:
            results.append(one)
    else:
        results.extend(await made)
