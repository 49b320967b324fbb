"""What an `async def run` found, for tests that call it without an agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import Any


def found(made: AsyncIterable[Any] | Awaitable[Iterable[Any]] | Iterable[Any]) -> list[Any]:
    async def gather() -> list[Any]:
        if isinstance(made, AsyncIterable):
            return [one async for one in made]
        return list(await made) if isinstance(made, Awaitable) else list(made)

    return asyncio.run(gather())
