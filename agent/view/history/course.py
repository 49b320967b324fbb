"""Pure: the past as cells of a bar and of a plot, however wide."""

from __future__ import annotations

import itertools
import math
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

    `changes` are of one subject, the last one before `since` first; `now_is` its status where there are none. `since`
    and `until` in Unix milliseconds.
    """
    spans = _spans(changes, now_is, since, until)
    bounds = [since + (until - since) * cell // cells for cell in range(cells + 1)]
    recent = [life for life in lives if life.until >= since]

    def is_watched(begin: int, end: int) -> bool:
        return any(life.since < end and begin <= life.until for life in recent)

    return [
        _worst(spans, begin, end) if is_watched(begin, end) else NOT_WATCHED
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
    statuses = [status for first, last, status in spans if first < end and begin < last]
    return max(statuses, key=_severity, default=NOT_WATCHED)


def _severity(status: str) -> float:
    if status == NOT_WATCHED:
        return -1
    return SEVERITY[Status.WARNING] + 0.5 if status == FLAPPING else SEVERITY[Status(status)]


def columns(points: Iterable[tuple[int, float]], since: int, until: int, cells: int) -> list[float | None]:
    """Return the mean value of each of so many equal spans; None where there is none. Times as in `bar`."""
    groups: list[list[float]] = [[] for _ in range(cells)]
    for at, value in points:
        groups[min(cells - 1, max(0, (at - since) * cells // max(1, until - since)))].append(value)
    return [_mean(values) if values else None for values in groups]


def _mean(values: Sequence[float]) -> float:
    """The sum of floats may be more than a float holds, their mean never is."""
    total = sum(values)
    return total / len(values) if math.isfinite(total) else sum(value / len(values) for value in values)


def height(value: float, low: float, high: float) -> float:
    """Return how far up from low to high a value is, 0 to 1; in the middle where all are the same.

    Divided before anything is subtracted: the span of two floats may be more than a float holds.
    """
    scale = max(abs(low), abs(high)) or 1.0
    span = high / scale - low / scale
    return min(1.0, max(0.0, (value / scale - low / scale) / span)) if span else 0.5


BLOCKS = " ▁▂▃▄▅▆▇█"


def plot(values: Sequence[float | None], low: float, high: float, rows: int) -> list[str]:
    """Draw values as columns of eighths of a letter, the top row first; where there is no value, nothing."""
    steps = rows * 8
    heights = [0 if value is None else 1 + round(height(value, low, high) * (steps - 1)) for value in values]
    return ["".join(BLOCKS[min(8, max(0, one - row * 8))] for one in heights).rstrip() for row in reversed(range(rows))]
