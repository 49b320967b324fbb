"""The hours of all metrics that are being filled, and those that wait to be written."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Sequence
from operator import itemgetter

from agent.engine.state.transition import Transition
from agent.view.history import file
from agent.view.history.points import Key, OpenHour
from agent.view.history.rows import HOUR, MINUTE

MOST_SERIES = 20_000
"""Metrics at a time; more are left out."""

AT_ONCE = 500
"""So many blocks are made at a time: those of thousands of checks would take 10 MB at once, which stay in use."""

Numbers = dict[Key, int]
"""The numbers of metrics in the file."""


class OpenHours:
    """The history's thread owns it."""

    def __init__(self) -> None:
        self._open: dict[Key, OpenHour] = {}
        self._complete: list[tuple[Key, OpenHour]] = []
        self._settled_hour = 0
        """The hour in which the metrics were last marked as seen in the file."""

    def add(self, step: Transition) -> int:
        """Take what a result measured; return how many values are left out."""
        hour, rest = divmod(step.at, HOUR)
        skip_count = 0
        for metric in step.result.metrics:
            if math.isfinite(metric.value):
                key = (step.state.check, step.state.subject, metric.name, metric.unit)
                if points := self._points(key, hour):
                    points.add(rest // MINUTE, metric.value)
                else:
                    skip_count += 1
        return skip_count

    def _points(self, key: Key, hour: int) -> OpenHour | None:
        points = self._open.get(key)
        if points is None:
            if len(self._open) < MOST_SERIES:
                points = self._open[key] = OpenHour(0, hour)
        elif points.hour != hour:
            if points.count:
                self._complete.append((key, points))
            points = self._open[key] = OpenHour(points.number, hour)
        return points

    def write(self, db: sqlite3.Connection, hour: int) -> Numbers:
        """Write all that is new; return the numbers. Nothing here is changed before the commit."""
        numbers = {key: points.number or file.series_id(db, key, hour) for key, points in self._open.items()}
        waiting = [*self._complete, *((key, points) for key, points in self._open.items() if points.count)]
        rows = [(file.key_of(points.hour, numbers[key]), points) for key, points in waiting]
        rows.sort(key=itemgetter(0))  # in the order of the file
        for at in range(0, len(rows), AT_ONCE):
            _write(db, rows[at : at + AT_ONCE])
        if hour != self._settled_hour:
            file.mark_seen(db, numbers.values(), hour)
        return numbers

    def settle(self, hour: int, numbers: Numbers) -> None:
        """What was written need not be kept; what has been silent for long is forgotten."""
        self._complete.clear()
        for key, points in self._open.items():
            points.number = numbers[key]
            points.clear()
        if hour != self._settled_hour:
            self._settled_hour = hour
            self._open = {key: points for key, points in self._open.items() if points.hour >= hour - 1}

    def forget(self, subjects: Collection[tuple[str, str]]) -> None:
        """Let go of what subjects measured that are gone, written or not."""
        if subjects:
            self._open = {key: points for key, points in self._open.items() if key[:2] not in subjects}
            self._complete = [one for one in self._complete if one[0][:2] not in subjects]

    def drop_oldest(self) -> None:
        """Let go of the oldest that could not be written."""
        self._complete = self._complete[-MOST_SERIES:]

    def forget_numbers(self) -> None:
        """The file is another one."""
        for points in self._open.values():
            points.number = 0


def _write(db: sqlite3.Connection, rows: Sequence[tuple[int, OpenHour]]) -> None:
    """Write hours with what is written of them already."""
    blocks = file.read_blocks(db, [key for key, _ in rows])
    for key, points in rows:
        blocks[key] = points.block(blocks.get(key))
    file.write_blocks(db, blocks)
