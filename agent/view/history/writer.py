"""Writes the history in a thread of its own, from a bounded queue: the recorder never waits for it."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from agent.engine.state.transition import Transition
from agent.store.damage import is_damage
from agent.view.history import file
from agent.view.history.file import Keep
from agent.view.history.points import Block, Key, OpenHour, joined
from agent.view.history.rows import HOUR, MINUTE, ChangeRow, Life, change_of

log = logging.getLogger("hostvigil.history")

MOST_WAITING = 50_000
"""Results that wait for the thread; beyond that they are left out."""
MOST_CHANGES = 10_000
"""Changes in memory while the disk takes nothing; beyond that the oldest are lost."""
MOST_SERIES = 20_000
"""Metrics at a time; more are left out."""
TAKE_SECONDS = 10.0
FLUSH_SECONDS = 300.0
"""The open hour is written this often."""

Item = tuple[Transition, bool]


class HistoryWriter:
    """`put` is for any thread; all else belongs to the history's own."""

    def __init__(
        self, directory: Path, keep: Keep, wall: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._directory = directory
        self.keep = keep
        self._wall = wall
        self._queue: deque[Item] = deque()
        self._left_out = 0
        self._open: dict[Key, OpenHour] = {}
        self._finished: list[tuple[OpenHour, bool, Block]] = []
        self._changes: deque[ChangeRow] = deque(maxlen=MOST_CHANGES)
        self._disk = _Disk(directory)
        self._life = Life(wall(), wall())
        self._pruned = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="history", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, step: Transition, measured: bool) -> None:
        """Hand over what a result did; never blocks and never raises. `measured`: its metrics are new."""
        if len(self._queue) < MOST_WAITING:
            self._queue.append((step, measured))
        else:
            self._left_out += 1

    def stop(self, seconds: float) -> None:
        """Write what there is and end; waits for it `seconds` at the most."""
        self._stopping.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        flush_at = 0.0
        while True:
            ending = self._stopping.wait(TAKE_SECONDS)
            try:
                self.take()
                if ending or time.monotonic() >= flush_at:
                    flush_at = time.monotonic() + FLUSH_SECONDS
                    self.flush()
                elif self._changes:
                    self.flush(metrics=False)
            except Exception:
                log.exception("a bug of ours: a part of the history is lost")
            if ending:
                self._disk.close()
                return

    def take(self) -> None:
        """Take what was handed over."""
        for _ in range(len(self._queue)):
            step, measured = self._queue.popleft()
            if changed := change_of(step):
                self._changes.append(changed)
            if measured and step.result.metrics:
                self._measure(step)
        if self._left_out:
            log.warning("%d results are left out of the history: there are too many at a time", self._left_out)
            self._left_out = 0

    def _measure(self, step: Transition) -> None:
        hour, rest = divmod(step.at, HOUR)
        minute = rest // MINUTE
        check, subject = step.state.check, step.state.subject
        for metric in step.result.metrics:
            if math.isfinite(metric.value):
                points = self._points((check, subject, metric.name, metric.unit))
                if points is None:
                    self._left_out += 1
                    continue
                if points.hour != hour:
                    if points.dirty:
                        self._finished.append((points, points.unread, points.block()))
                    points.begin(hour)
                points.add(minute, metric.value)

    def _points(self, key: Key) -> OpenHour | None:
        points = self._open.get(key)
        if points is None and len(self._open) < MOST_SERIES:
            points = self._open[key] = OpenHour()
        return points

    def flush(self, metrics: bool = True) -> None:
        """Write what waits; what cannot be written waits on."""
        now = self._wall()
        self._life = Life(self._life.since, now)
        whole: list[tuple[OpenHour, int, Block]] = []
        try:
            db = self._disk.opened()
            with file.transaction(db):
                file.write_changes(db, self._changes)
                file.write_life(db, self._life)
                if metrics:
                    whole = self._write_metrics(db, now // HOUR)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            self._failed(error)
            return
        self._changes.clear()
        if metrics:
            self._settle(now // HOUR, whole)
        self._disk.works()

    def _write_metrics(self, db: sqlite3.Connection, hour: int) -> list[tuple[OpenHour, int, Block]]:
        """Write all that is new; return it of the hours that are open. Nothing here is changed before the commit."""
        ids = {id(points): points.id or file.series_id(db, key, hour) for key, points in self._open.items()}
        for points, unread, block in self._finished:
            _write(db, ids[id(points)], block, unread)
        dirty = [(points, ids[id(points)], points.block()) for points in self._open.values() if points.dirty]
        whole = [
            (points, number, joined(file.stored(db, number, block.hour), block) if points.unread else block)
            for points, number, block in dirty
        ]
        file.write_blocks(db, [(number, block) for _, number, block in whole])
        if hour != self._pruned:
            file.seen(db, ids.values(), hour)
            file.prune(db, self.keep, hour)
        return whole

    def _settle(self, hour: int, whole: list[tuple[OpenHour, int, Block]]) -> None:
        """What was written is clean; what has been silent for long is forgotten."""
        self._finished.clear()
        for points, number, block in whole:
            points.id, points.dirty = number, False
            if points.unread:
                points.resume(block)
        if hour != self._pruned:
            self._pruned = hour
            self._open = {key: points for key, points in self._open.items() if points.hour >= hour - 1}

    def _failed(self, error: Exception) -> None:
        self._finished = self._finished[-MOST_SERIES:]
        if self._disk.failed(error):
            for points in self._open.values():
                points.id = 0


def _write(db: sqlite3.Connection, number: int, block: Block, unread: bool) -> None:
    file.write_blocks(db, [(number, joined(file.stored(db, number, block.hour), block) if unread else block)])


class _Disk:
    """The connection, opened when it is needed; says once that it does not work, and once that it does again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._db: sqlite3.Connection | None = None
        self._broken = False

    def opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = file.opened(self._directory)
        return self._db

    def works(self) -> None:
        if self._broken:
            log.warning("the history can be written again")
        self._broken = False

    def failed(self, error: Exception) -> bool:
        """Close it; True when the file is damaged and set aside, so that a new one is begun."""
        self.close()
        if is_damage(error):
            try:
                file.set_aside(self._directory, str(error))
                return True
            except OSError as denied:
                error = denied
        if not self._broken:
            log.error("the history cannot be written; it waits, and goes on when it can: %s", error)
            self._broken = True
        return False

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
