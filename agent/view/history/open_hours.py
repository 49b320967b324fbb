"""The hours of all metrics that are being filled, and those that wait to be written."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Iterable

from agent.engine.state.transition import Transition
from agent.view.history import file
from agent.view.history.points import Block, Key, OpenHour, join_blocks
from agent.view.history.rows import HOUR, MINUTE

MOST_SERIES = 20_000
"""Metrics at a time; more are left out."""

AT_ONCE = 500
"""So many blocks are made at a time: those of thousands of checks would take 10 MB at once, which stay in use."""

Saves = list[tuple[OpenHour, int, Block | None]]
"""Under which number an open hour is in the file, and what is there where it went on with what was there before."""


class OpenHours:
    """The history's thread owns it."""

    def __init__(self) -> None:
        self._open: dict[Key, OpenHour] = {}
        self._complete_hours: list[tuple[OpenHour, bool, Block]] = []
        self._settled_hour = 0
        """The hour in which the metrics were last marked as seen in the file."""

    def add(self, step: Transition) -> int:
        """Take what a result measured; return how many values are left out."""
        hour, rest = divmod(step.at, HOUR)
        skip_count = 0
        for metric in step.result.metrics:
            if math.isfinite(metric.value):
                points = self._points((step.state.check, step.state.subject, metric.name, metric.unit))
                if points is None:
                    skip_count += 1
                    continue
                if points.hour != hour:
                    if points.dirty:
                        self._complete_hours.append((points, points.unread, points.block()))
                    points.begin(hour)
                points.add(rest // MINUTE, metric.value)
        return skip_count

    def _points(self, key: Key) -> OpenHour | None:
        points = self._open.get(key)
        if points is None and len(self._open) < MOST_SERIES:
            points = self._open[key] = OpenHour()
        return points

    def write(self, db: sqlite3.Connection, hour: int) -> Saves:
        """Write all that is new; return it of the hours that are open. Nothing here is changed before the commit."""
        ids = {id(points): points.id or file.series_id(db, key, hour) for key, points in self._open.items()}
        for points, unread, block in self._complete_hours:
            _write(db, ids[id(points)], block, unread)
        dirty = [(points, ids[id(points)]) for points in self._open.values() if points.dirty]
        dirty.sort(key=lambda one: (one[0].hour, one[1]))  # in the order of the file
        saves: Saves = []
        for at in range(0, len(dirty), AT_ONCE):
            saves += _write_open(db, dirty[at : at + AT_ONCE])
        if hour != self._settled_hour:
            file.mark_seen(db, ids.values(), hour)
        return saves

    def settle(self, hour: int, saves: Saves) -> None:
        """What was written is clean; what has been silent for long is forgotten."""
        self._complete_hours.clear()
        for points, number, block in saves:
            points.id, points.dirty, points.unread = number, False, False
            if block:
                points.resume(block)
        if hour != self._settled_hour:
            self._settled_hour = hour
            self._open = {key: points for key, points in self._open.items() if points.hour >= hour - 1}

    def forget(self, subjects: Collection[tuple[str, str]]) -> None:
        """Let go of what subjects measured that are gone, written or not."""
        dropped_ids = {id(points) for key, points in self._open.items() if key[:2] in subjects} if subjects else set()
        if dropped_ids:
            self._open = {key: points for key, points in self._open.items() if id(points) not in dropped_ids}
            self._complete_hours = [one for one in self._complete_hours if id(one[0]) not in dropped_ids]

    def drop_oldest(self) -> None:
        """Let go of the oldest that could not be written."""
        self._complete_hours = self._complete_hours[-MOST_SERIES:]

    def forget_numbers(self) -> None:
        """The file is another one."""
        for points in self._open.values():
            points.id = 0


def _write(db: sqlite3.Connection, number: int, block: Block, unread: bool) -> None:
    file.write_blocks(db, [(number, join_blocks(file.read_block(db, number, block.hour), block) if unread else block)])


def _write_open(db: sqlite3.Connection, dirty: Iterable[tuple[OpenHour, int]]) -> Saves:
    rows: list[tuple[int, Block]] = []
    saves: Saves = []
    for points, number in dirty:
        before = file.read_block(db, number, points.hour) if points.unread else None
        block = join_blocks(before, points.block())
        rows.append((number, block))
        saves.append((points, number, block if before else None))
    file.write_blocks(db, rows)
    return saves
