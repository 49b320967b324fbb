"""Checks that wait in a loop, and a bench that runs them."""

from __future__ import annotations

import queue
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from agent.api import Check, Context, Metric, Result
from agent.config.settings import CheckConfig, Place
from agent.model import Outcome
from agent.running.runner import Runner


class Waiting(Check):
    """A check that does what the test says, in a loop."""

    body: Any = None

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        async for one in self.body(ctx):
            yield one


class Bench:
    def __init__(self) -> None:
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.runner = Runner(self.outcomes.put)

    def start(self, check: Check, name: str = "web", timeout: float = 5.0) -> None:
        kind = type(check).__name__.lower()
        self.runner.start(CheckConfig(name, kind, check, Place("x.yaml"), timeout=timeout), time.monotonic())

    def outcome(self, seconds: float = 60.0) -> Outcome:
        return self.outcomes.get(timeout=seconds)

    def run(self, check: Check, **options: Any) -> Outcome:
        self.start(check, **options)
        return self.outcome()


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)
