"""Pure: the past as cells of a bar and of a plot, however wide."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from agent.model import SEVERITY, Status
from agent.view.history.rows import ChangeRow, Life

NOT_WATCHED = ""
"""No agent was at work, or nothing was decided yet."""
FLAPPING = "flapping"


def bar(
    changes: Sequence[ChangeRow], lives: Iterable[Life], now_is: str, since: int, until: int, cells: int
) -> list[str]:
    """Return the worst status that held in each of so many equal spans; NOT_WATCHED where nobody looked.

    `changes` are of one subject, the last one before `since` first; `now_is` its status where there are none.
    """
    spans = _spans(changes, now_is, since, until)
    bounds = [since + (until - since) * cell // cells for cell in range(cells + 1)]
    watched = [life for life in lives if life.until >= since]
    return [
        _worst(spans, begin, end) if any(life.since < end and begin <= life.until for life in watched) else NOT_WATCHED
        for begin, end in itertools.pairwise(bounds)
    ]


def _spans(changes: Sequence[ChangeRow], now_is: str, since: int, until: int) -> list[tuple[int, int, str]]:
    """Return from when to when which status held."""
    if not changes:
        return [(since, until, now_is)]
    ends = [change.at for change in changes[1:]] + [until + 1]
    return [
        (change.at, end, FLAPPING if change.flapping and change.decided else change.decided)
        for change, end in zip(changes, ends, strict=True)
    ]


def _worst(spans: Iterable[tuple[int, int, str]], begin: int, end: int) -> str:
    held = [status for first, last, status in spans if first < end and begin < last]
    return max(held, key=_severity, default=NOT_WATCHED)


def _severity(status: str) -> float:
    if status == NOT_WATCHED:
        return -1
    return SEVERITY[Status.WARNING] + 0.5 if status == FLAPPING else SEVERITY[Status(status)]


def columns(points: Iterable[tuple[int, float]], since: int, until: int, cells: int) -> list[float | None]:
    """Return the mean value of each of so many equal spans; None where there is none."""
    sums: list[float] = [0.0] * cells
    counts = [0] * cells
    for at, value in points:
        cell = min(cells - 1, max(0, (at - since) * cells // max(1, until - since)))
        sums[cell] += value
        counts[cell] += 1
    return [total / count if count else None for total, count in zip(sums, counts, strict=True)]


BLOCKS = " ▁▂▃▄▅▆▇█"


def plot(values: Sequence[float | None], low: float, high: float, rows: int) -> list[str]:
    """Draw values as columns of eighths of a letter, the top row first; where there is no value, nothing."""
    steps = rows * 8
    span = high - low
    heights = [
        0 if value is None else 1 + round(min(1.0, max(0.0, (value - low) / span if span else 0.5)) * (steps - 1))
        for value in values
    ]
    return [
        "".join(BLOCKS[min(8, max(0, height - row * 8))] for height in heights).rstrip()
        for row in reversed(range(rows))
    ]
