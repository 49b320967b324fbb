"""Writes the history in a thread of its own, from a bounded queue: the recorder never waits for it."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from agent.engine.state.transition import Transition
from agent.model import Silence
from agent.plugin.clock import wall_clock
from agent.view.history import file, notes
from agent.view.history.disk import Disk
from agent.view.history.file import Keep
from agent.view.history.open_hours import Numbers, OpenHours
from agent.view.history.rows import HOUR, ChangeRow, Life, NoteRow, Passer, change_of, passer_of
from agent.view.history.silences import SilenceBook

log = logging.getLogger("hostvigil.history")

MOST_WAITING = 50_000
"""Results that wait for the thread; beyond that they are left out."""
MOST_CHANGES = 10_000
"""Changes in memory while the disk takes nothing; beyond that the oldest are lost. Likewise of notes."""
TAKE_SECONDS = 10.0
MANY = 500
"""So many results are taken at once: kept for long, those of thousands of checks leave their holes in memory."""
FLUSH_SECONDS = 300.0
"""The open hour is written this often."""

Item = tuple[Transition, bool] | NoteRow


class HistoryWriter:
    """`put` and `note` are for any thread; all else belongs to the history's own."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self._queue: deque[Item] = deque()
        self._skip_count = 0
        self._stops = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="history", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, step: Transition, measured: bool) -> None:
        """Hand over what a result did; never blocks and never raises. `measured`: its metrics are new."""
        if len(self._queue) < MOST_WAITING:
            self._queue.append((step, measured))
            if len(self._queue) == MANY:
                self._wake.set()
        else:
            self._skip_count += 1

    def note(self, row: NoteRow) -> None:
        """Hand over what a person did; never blocks and never raises."""
        self._queue.append(row)

    def stop(self, seconds: float) -> None:
        """Write what there is and end; waits for it `seconds` at the most."""
        self._stops = True
        self._wake.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        flush_at = 0.0
        while True:
            self._wake.wait(TAKE_SECONDS)
            self._wake.clear()
            ending = self._stops
            try:
                self.take()
                if ending or time.monotonic() >= flush_at:
                    flush_at = time.monotonic() + FLUSH_SECONDS
                    self.record.flush()
                elif self.record.is_waiting:
                    self.record.flush(metrics=False)
            except Exception:
                log.exception("a bug of ours: a part of the history is lost")
            if ending:
                self.record.close()
                return

    def take(self) -> None:
        """Take what was handed over."""
        for _ in range(len(self._queue)):
            item = self._queue.popleft()
            if isinstance(item, NoteRow):
                self.record.note(item)
            else:
                self._skip_count += self.record.take(*item)
        self.record.look_at_silences()
        if self._skip_count:
            log.warning("%d results are left out of the history: there are too many at a time", self._skip_count)
            self._skip_count = 0


class Record:
    """What is to be written, and the file that it goes into. The history's thread owns it."""

    def __init__(
        self,
        directory: Path,
        keep: Keep,
        wall: Callable[[], int] = wall_clock,
        silences: Callable[[], tuple[Silence, ...]] = lambda: (),
    ) -> None:
        self.keep = keep
        self._wall = wall
        self._silences = silences
        self._book: SilenceBook | None = None
        """None: what was noted of silences before is not read yet."""
        self._hours = OpenHours()
        self._changes: deque[ChangeRow] = deque(maxlen=MOST_CHANGES)
        self._notes: deque[NoteRow] = deque(maxlen=MOST_CHANGES)
        self._passers: deque[Passer] = deque(maxlen=MOST_CHANGES)
        self._disk = Disk(directory)
        self._life = Life(wall(), wall())

    @property
    def is_waiting(self) -> bool:
        """Something waits that is not a metric."""
        return bool(self._changes or self._notes)

    def take(self, step: Transition, measured: bool) -> int:
        """Take what a result did; return how many values are left out."""
        if change := change_of(step):
            self._changes.append(change)
        if passer := passer_of(step):
            self._passers.append(passer)
        return self._hours.add(step) if measured and step.result.metrics else 0

    def note(self, row: NoteRow) -> None:
        self._notes.append(row)

    def look_at_silences(self) -> None:
        """Note which silences began and ended since the last look."""
        try:
            if self._book is None:
                self._book = notes.book(self._disk.connection(), self._wall())
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            self._recover(error)
            return
        self._notes.extend(self._book.news(self._silences(), self._wall()))

    def flush(self, metrics: bool = True) -> None:
        """Write what waits; what cannot be written waits on."""
        now = self._wall()
        self._life = Life(self._life.since, now)
        numbers: Numbers = {}
        try:
            db = self._disk.connection()
            with file.transaction(db):
                file.write_changes(db, self._changes)
                notes.write(db, self._notes)
                file.write_life(db, self._life)
                if metrics:
                    numbers = self._hours.write(db, now // HOUR)
                    self._disk.prune(self.keep, now // HOUR)
                file.forget(db, self._passers, now // HOUR)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            self._recover(error)
            return
        self._changes.clear()
        self._notes.clear()
        self._hours.forget({(one.check, one.subject) for one in self._passers})
        self._passers.clear()
        if metrics:
            self._hours.settle(now // HOUR, numbers)
        self._disk.works()

    def _recover(self, error: Exception) -> None:
        self._hours.drop_oldest()
        if self._disk.recover(error):
            self._hours.forget_numbers()

    def close(self) -> None:
        self._disk.close()
