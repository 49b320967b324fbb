"""Checks that do what a test says, and a runner that runs them."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

from agent.api import Check, Context, Metric, Result
from agent.config.settings import CheckConfig, Place
from agent.model import Outcome
from agent.running.runner import Runner

Body = Callable[[Context], Iterator[Result | Metric]]


class Scripted(Check):
    """A check that does what the test says."""

    body: Any = None

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        return self.body(ctx)  # type: ignore[no-any-return]


class Bench:
    """A runner whose outcomes the test takes from a queue."""

    def __init__(self, **options: Any) -> None:
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.runner = Runner(self.outcomes.put, **options)

    def start(self, body: Body, name: str = "web", timeout: float = 5.0, due: float | None = None) -> None:
        config = CheckConfig(name, "scripted", Scripted(body=body), Place("x.yaml"), timeout=timeout)
        self.runner.start(config, time.monotonic() if due is None else due)

    def outcome(self) -> Outcome:
        return self.outcomes.get(timeout=10)

    def run(self, body: Body, **options: Any) -> Outcome:
        self.start(body, **options)
        return self.outcome()


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)
