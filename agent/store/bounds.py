"""How much may wait in the outbox, and what goes first when it is more."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from agent.store.outbox import HISTORY_LIMIT, URGENCY_OF, remark, trim
from agent.store.rows import Phase

SUPERSEDED = "superseded"
LOST = "lost"
ROW_BYTES = 400
"""What an event takes beside its body."""


class Bounds:
    """Keeps the outbox within its bounds, counting it only when its room may be used up."""

    def __init__(self, most_events: int, most_bytes: int) -> None:
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._events = 0
        self._bytes = 0

    def appended(self, db: sqlite3.Connection, sizes: Sequence[int]) -> None:
        """Take note of new events, by their size in bytes, and make room when there is none left."""
        self._events -= len(sizes)
        self._bytes -= sum(sizes) + ROW_BYTES * len(sizes)
        if self._events < 0 or self._bytes < 0:
            self._make_room(db)
            self._events = self._most_events - _count(db)
            self._bytes = max(0, self._most_bytes - _used(db))

    def _make_room(self, db: sqlite3.Connection) -> None:
        if _used(db) > self._most_bytes:
            trim(db, Phase.DELIVERED, HISTORY_LIMIT // 10)
        count = _count(db)
        too_many = count - self._most_events
        if _used(db) > self._most_bytes:
            too_many = max(too_many, 1)
        if too_many > 0:
            # A tenth more than needed, so that the next change does not count and drop again.
            _drop(db, too_many + count // 10)


def _count(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM events WHERE phase = 'pending' AND members = 0").fetchone()[0])


def _used(db: sqlite3.Connection) -> int:
    pages, free, size = (
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _drop(db: sqlite3.Connection, count: int) -> None:
    """Drop what says least: what came between, then what a later change replaces, then the least urgent and oldest."""
    free = "FROM events WHERE phase = 'pending' AND digest IS NULL AND members = 0"
    superseded = db.execute(
        f"""DELETE FROM events WHERE seq IN (SELECT seq FROM (
            SELECT seq, min(seq) OVER subjects = seq AS first, max(seq) OVER subjects = seq AS last {free}
            WINDOW subjects AS (PARTITION BY check_name, subject))
            WHERE NOT last ORDER BY first, seq LIMIT ?)""",  # noqa: S608 - our own words
        (count,),
    ).rowcount
    lost = 0
    if superseded < count:
        order = URGENCY_OF.format("events")
        lost = db.execute(
            f"DELETE FROM events WHERE seq IN (SELECT seq {free} ORDER BY {order} DESC, seq LIMIT ?)",  # noqa: S608
            (count - superseded,),
        ).rowcount
    remark(db, SUPERSEDED, superseded)
    remark(db, LOST, lost)
