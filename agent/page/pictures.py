"""Pure: the past as SVG, made of numbers and of our own words alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from agent.model import SEVERITY, Status
from agent.view.history.course import FLAPPING, NOT_WATCHED, bar, columns, height
from agent.view.history.reading import MetricCourse
from agent.view.history.rows import ChangeRow, Life
from agent.view.snapshot import Mark, SubjectView

CELLS = 96
"""Of a day: a quarter of an hour each."""
WIDTH, HEIGHT = 300, 60
MOST_APART = 15
"""Cells without a value over which a line is drawn: 72 minutes of a day."""
STATUSES = frozenset(("", *Status))
WORDS = {NOT_WATCHED: "not watched"}


class Span(msgspec.Struct, frozen=True):
    """What is drawn of the past: from when to when, and when an agent was at work."""

    since: int
    until: int
    lives: tuple[Life, ...]
    running: bool

    @property
    def lives_until_now(self) -> tuple[Life, ...]:
        """Return the lives. A running agent's life lasts until now: its end is written every few minutes only."""
        if not self.lives or not self.running:
            return self.lives
        return (*self.lives[:-1], msgspec.structs.replace(self.lives[-1], until=self.until))


def cells(changes: Sequence[ChangeRow], one: SubjectView | None, span: Span) -> tuple[str, ...]:
    """Return the worst status of each quarter of an hour; `one` is the subject as it is now."""
    steady = one is not None and Mark.NO_RESULT not in one.marks and one.since <= span.since
    now_is = str(one.status) if one and steady else NOT_WATCHED
    rows = [row for row in changes if row.decided in STATUSES]
    return tuple(bar(rows, span.lives_until_now, now_is, span.since, span.until, CELLS))


def draw_bar(statuses: Sequence[str]) -> str:
    """Draw cells as one bar, with what is in it as a text for those who do not see it."""
    rects, at = [], 0
    for status, group in itertools.groupby(statuses):
        width = len(list(group))
        if status != NOT_WATCHED:
            rects.append(f'<rect class="{status}" x="{at}" width="{width}" height="1"/>')
        at += width
    text = ", ".join(WORDS.get(one, one) for one in sorted(set(statuses), key=_severity, reverse=True))
    return (
        f'<svg class="bar" viewBox="0 0 {len(statuses)} 1" preserveAspectRatio="none" role="img" '
        f'aria-label="Last 24 hours: {text}">{"".join(rects)}</svg>'
    )


def _severity(status: str) -> float:
    if status in WORDS:
        return -1.0
    return SEVERITY[Status.WARNING] + 0.5 if status == FLAPPING else SEVERITY[Status(status)]


def plot(metric: MetricCourse, span: Span) -> str:
    """Draw a metric's course; what it says in numbers stands beside it."""
    values = columns(metric.points, span.since, span.until, WIDTH)
    there = [value for value in values if value is not None]
    low, high = min(there), max(there)
    lines = "".join(f'<polyline points="{points}"/>' for points in _pieces(values, low, high))
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{lines}</svg>'
    )


def _pieces(values: Iterable[float | None], low: float, high: float) -> Iterator[str]:
    """Yield the points of each line: a cell without a value does not end one, many of them do."""
    piece: list[tuple[int, float]] = []
    for at, value in enumerate(values):
        if value is None:
            continue
        if piece and at - piece[-1][0] > MOST_APART:
            yield _points(piece, low, high)
            piece = []
        piece.append((at, value))
    yield _points(piece, low, high)


def _points(piece: Sequence[tuple[int, float]], low: float, high: float) -> str:
    """A single point is a short line."""
    ends = [*piece, (piece[-1][0] + 1, piece[-1][1])]
    return " ".join(f"{at},{2 + (HEIGHT - 4) * (1 - height(value, low, high)):.1f}" for at, value in ends)
