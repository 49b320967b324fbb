"""How much may wait for a destination, and what goes first when it is more."""

from __future__ import annotations

import sqlite3

import msgspec

from agent.store.deliveries import URGENCY_OF
from agent.store.notices import notice

SUPERSEDED = "superseded"
LOST = "lost"
ROW_BYTES = 400
"""What a delivery takes beside the facts."""
MOST_EVENTS = 100_000
MOST_BYTES = 256 * 1024**2

_FREE = "FROM deliveries WHERE destination = ? AND phase = 'pending' AND digest IS NULL AND members = 0"


class Bounds(msgspec.Struct, frozen=True):
    """How much may wait for one destination."""

    most_events: int = MOST_EVENTS
    most_bytes: int = MOST_BYTES


class Room:
    """Keeps the outbox of each destination within its bounds, counting it only when its room may be used up.

    Used within transactions of the store, which one thread at a time has.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._events = 0
        self._bytes = 0

    def set_bounds(self, bounds: Bounds) -> None:
        """Let this much wait from now on."""
        self._bounds, self._events, self._bytes = bounds, 0, 0

    def add(self, db: sqlite3.Connection, sizes: list[int]) -> None:
        """Take note of new notifications, by their size in bytes, and make room where there is none left."""
        self._events -= len(sizes)
        self._bytes -= sum(sizes) + ROW_BYTES * len(sizes)
        if sizes and (self._events < 0 or self._bytes < 0):
            remaining = [self._make_room(db, *row) for row in _waiting(db)]
            self._events = min((events for events, _ in remaining), default=self._bounds.most_events)
            self._bytes = min((size for _, size in remaining), default=self._bounds.most_bytes)

    def _make_room(self, db: sqlite3.Connection, destination: str, count: int, size: int) -> tuple[int, int]:
        """Drop what is too much for a destination; return how many and how many bytes may come."""
        too_many = max(count - self._bounds.most_events, 0)
        if size > self._bounds.most_bytes:
            too_many = max(too_many, count * (size - self._bounds.most_bytes) // size + 1)
        if too_many:
            # A tenth more than needed, so that the next change does not count and drop again.
            drop(db, destination, too_many + count // 10)
            count, size = next(((n, b) for name, n, b in _waiting(db) if name == destination), (0, 0))
        return self._bounds.most_events - count, self._bounds.most_bytes - size


def _waiting(db: sqlite3.Connection) -> list[tuple[str, int, int]]:
    return db.execute(
        "SELECT destination, count(*), sum(size + ?) FROM deliveries"
        " WHERE phase = 'pending' AND members = 0 GROUP BY destination",
        (ROW_BYTES,),
    ).fetchall()


def drop(db: sqlite3.Connection, destination: str, count: int) -> None:
    """Drop what says least: what came between, then what a later change replaces, then, of the check that has most
    waiting, the least urgent and oldest."""
    superseded_count = db.execute(
        f"""DELETE FROM deliveries WHERE seq IN (SELECT seq FROM (
            SELECT seq, min(seq) OVER subjects = seq AS first, max(seq) OVER subjects = seq AS last,
            count(*) OVER (PARTITION BY check_name) AS crowd {_FREE}
            WINDOW subjects AS (PARTITION BY check_name, subject))
            WHERE NOT last ORDER BY first, crowd DESC, seq LIMIT ?)""",  # noqa: S608 - our own words
        (destination, count),
    ).rowcount
    lost_count = 0
    if superseded_count < count:
        order = URGENCY_OF.format("deliveries")
        lost_count = db.execute(
            f"""DELETE FROM deliveries WHERE seq IN (SELECT seq FROM (
                SELECT seq, {order} AS urgency,
                row_number() OVER (PARTITION BY check_name ORDER BY {order}, seq DESC) AS rank {_FREE})
                ORDER BY rank DESC, urgency DESC, seq LIMIT ?)""",  # noqa: S608 - our own words
            (destination, count - superseded_count),
        ).rowcount
    # What nobody is told any more takes room for nothing.
    db.execute("DELETE FROM notifications WHERE id NOT IN (SELECT id FROM deliveries)")
    notice(db, f"{SUPERSEDED}:{destination}", superseded_count)
    notice(db, f"{LOST}:{destination}", lost_count)
