"""What an `async def run` found, for tests that call it without an agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator
from typing import Any


def found(made: AsyncIterable[Any] | Awaitable[Iterable[Any]] | Iterable[Any]) -> Iterator[Any]:
    """Yield what a run found; its CheckError after what came before it."""
    if isinstance(made, Iterable):
        yield from made
        return
    results: list[Any] = []
    try:
        asyncio.run(_gather(made, results))
    finally:
        yield from results


async def _gather(made: AsyncIterable[Any] | Awaitable[Iterable[Any]], results: list[Any]) -> None:
    if isinstance(made, AsyncIterable):
        async for one in made:
            results.append(one)
    else:
        results.extend(await made)
