"""Requests to the API: which key, how many, and by whom only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from agent.delivery.answer import Answer
from agent.fleet.budget import Budget

Post = Callable[[bytes], Answer]


class LeaseLost(Exception):
    """The lease ran out while a request was prepared: nothing was sent."""


class Requests:
    """Makes requests with the keys of a workspace. The relay's loop owns it; a pool's threads wait for the API."""

    def __init__(
        self,
        budget: Budget,
        posts: Mapping[str, Post],
        holds: Callable[[], bool],
        clock: Callable[[], float],
        pool: ThreadPoolExecutor,
    ) -> None:
        self.budget = budget
        self._posts = posts
        self._holds = holds
        self._clock = clock
        self._pool = pool

    async def post(self, key: str, body: str) -> Answer:
        """Make a request with a key that the budget gave; Lost where this relay is at work no more."""
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._pool, self._post, key, body.encode())
        if answer is None:
            raise LeaseLost("the lease ran out")
        self.budget.note_answer(key, answer, self._clock())
        return answer

    def _post(self, key: str, body: bytes) -> Answer | None:
        """Runs in a thread of the pool. None, and nothing is sent, where the lease ran out: this process slept."""
        return self._posts[key](body) if self._holds() else None
