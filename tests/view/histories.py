"""Metrics and changes of an hour, and a clock that a test moves."""

from __future__ import annotations

from pathlib import Path

from agent.engine.state.transition import Transition
from agent.model import Metric, Result, State, Status
from agent.view.history.file import Keep
from agent.view.history.rows import HOUR
from agent.view.history.writer import HistoryWriter, Record

T0 = 472_000 * HOUR
KEEP = Keep(fine_hours=192, hourly_hours=8760, most_bytes=256 * 1024**2)


class Clock:
    """A wall clock that the test sets, in Unix milliseconds."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> int:
        return self.now


def measured(at: int, value: float, metric: str = "time", check: str = "web") -> Transition:
    return together(at, {metric: value}, check)


def together(at: int, values: dict[str, float], check: str = "web") -> Transition:
    """Several metrics of one result."""
    state = State(check, decided=Status.OK)
    metrics = tuple(Metric(name, value, "s") for name, value in values.items())
    return Transition(state, state, Result(Status.OK, "fine", metrics=metrics), at)


def written(folder: Path, *steps: Transition, keep: Keep = KEEP, until: int = T0 + 24 * HOUR) -> HistoryWriter:
    """Write these by a writer of its own, as by an agent that ends then."""
    clock = Clock()
    clock.now = steps[0].at if steps else T0
    writer = HistoryWriter(Record(folder, keep, clock))
    for step in steps:
        writer.put(step, True)
    writer.take()
    clock.now = until
    writer.record.flush()
    writer.record.close()
    return writer
