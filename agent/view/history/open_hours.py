"""The hours of all metrics that are being filled, and those that wait to be written."""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from operator import itemgetter

from agent.engine.state.transition import Transition
from agent.view.history import file
from agent.view.history.points import Name, OpenHour, Subject
from agent.view.history.rows import HOUR, MINUTE

MOST_SERIES = 20_000
"""Metrics at a time; more are left out."""

AT_ONCE = 500
"""So many blocks are made at a time: those of thousands of checks would take 10 MB at once, which stay in use."""

Row = tuple[int, OpenHour, int]
"""The key of a metric's hour, and where it is: at which place of which hour of its subject."""

Numbers = dict[Subject, "array[int]"]
"""The numbers in the file of each subject's metrics."""


class OpenHours:
    """The history's thread owns it."""

    def __init__(self) -> None:
        self._open: dict[Subject, OpenHour] = {}
        self._complete: list[tuple[Subject, OpenHour]] = []
        self._count = 0
        """Metrics of the open hours."""
        self._settled_hour = 0
        """The hour in which the metrics were last marked as seen in the file."""

    def add(self, step: Transition) -> int:
        """Take what a result measured; return how many values are left out."""
        hour, rest = divmod(step.at, HOUR)
        values = [((one.name, one.unit), one.value) for one in step.result.metrics if math.isfinite(one.value)]
        subject = (step.state.check, step.state.subject)
        points = self._points(subject, hour)
        self._make_room(points, [name for name, _ in values if name not in points.names])
        if points.names:
            self._open[subject] = points
        places = {name: at for at, name in enumerate(points.names)}
        known = [(places[name], value) for name, value in values if name in places]
        if known:
            points.add(rest // MINUTE, known)
        return len(values) - len(known)

    def _points(self, subject: Subject, hour: int) -> OpenHour:
        """Return the hour of the subject, which is another one now or new perhaps."""
        points = self._open.get(subject)
        if points is None or points.hour == hour:
            return points or OpenHour(hour)
        if points.is_waiting:
            self._complete.append((subject, points))
        self._count -= len(self._open.pop(subject).names)
        later = points.next(hour)
        self._count += len(later.names)
        return later

    def _make_room(self, points: OpenHour, names: Sequence[Name]) -> None:
        """Take in metrics that are new, as far as there is room."""
        if new := list(dict.fromkeys(names))[: MOST_SERIES - self._count]:
            points.widen(new)
            self._count += len(new)

    def write(self, db: sqlite3.Connection, hour: int) -> Numbers:
        """Write all that is new; return the numbers. Nothing here is changed before the commit."""
        numbers = {subject: _numbers(db, subject, points, hour) for subject, points in self._open.items()}
        rows: list[Row] = []
        for subject, points in self._complete:
            rows += _rows(points, _numbers(db, subject, points, hour))
        for subject, points in self._open.items():
            rows += _rows(points, numbers[subject])
        rows.sort(key=itemgetter(0))  # in the order of the file
        for at in range(0, len(rows), AT_ONCE):
            _write(db, rows[at : at + AT_ONCE])
        if hour != self._settled_hour:
            file.mark_seen(db, chain.from_iterable(numbers.values()), hour)
        return numbers

    def settle(self, hour: int, numbers: Numbers) -> None:
        """What was written need not be kept; what has been silent for long is forgotten."""
        self._complete.clear()
        for subject, points in self._open.items():
            points.numbers = numbers[subject]
            points.clear()
        if hour != self._settled_hour:
            self._settled_hour = hour
            self._keep({subject: points for subject, points in self._open.items() if points.hour >= hour - 1})

    def forget(self, subjects: Collection[Subject]) -> None:
        """Let go of what subjects measured that are gone, written or not."""
        if subjects:
            self._keep({subject: points for subject, points in self._open.items() if subject not in subjects})
            self._complete = [one for one in self._complete if one[0] not in subjects]

    def _keep(self, hours: dict[Subject, OpenHour]) -> None:
        self._open = hours
        self._count = sum(len(points.names) for points in hours.values())

    def drop_oldest(self) -> None:
        """Let go of the oldest that could not be written."""
        while sum(len(points.names) for _, points in self._complete) > MOST_SERIES:
            del self._complete[: len(self._complete) // 4 + 1]

    def forget_numbers(self) -> None:
        """The file is another one."""
        for _, points in (*self._open.items(), *self._complete):
            points.numbers = array("q", bytes(8 * len(points.names)))


def _numbers(db: sqlite3.Connection, subject: Subject, points: OpenHour, hour: int) -> array[int]:
    known = zip(points.names, points.numbers, strict=True)
    return array("q", (number or file.series_id(db, (*subject, *name), hour) for name, number in known))


def _rows(points: OpenHour, numbers: Sequence[int]) -> Iterator[Row]:
    return ((file.key_of(points.hour, numbers[at]), points, at) for at in points.waiting())


def _write(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Write hours with what is written of them already."""
    blocks = file.read_blocks(db, [key for key, _, _ in rows])
    for key, points, at in rows:
        blocks[key] = points.block(at, blocks.get(key))
    file.write_blocks(db, blocks)
