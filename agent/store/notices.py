"""What the store has to say of itself, in SQL: damage, and what its bounds cost."""

from __future__ import annotations

import sqlite3

from agent.store.encode import as_text
from agent.store.rows import StoreNotice


def notice(db: sqlite3.Connection, name: str, count: int, text: str = "") -> None:
    """Count something to be told of the store itself."""
    if count:
        db.execute(
            "INSERT INTO notices (name, count, text) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET count = count + excluded.count, text = excluded.text",
            (name, count, as_text(text)),
        )


def untold_notices(db: sqlite3.Connection) -> list[StoreNotice]:
    return [StoreNotice(*row) for row in db.execute("SELECT name, count, text FROM notices WHERE count > told")]


def mark_told(db: sqlite3.Connection, note: StoreNotice) -> bool:
    """Note that the notice is told; False when somebody else told it meanwhile."""
    result = db.execute("UPDATE notices SET told = ?1 WHERE name = ?2 AND told < ?1", (note.count, note.name))
    return result.rowcount > 0
