"""Single facts that are kept over restarts, in SQL."""

from __future__ import annotations

import sqlite3

from agent.store.encode import as_text

FORGOT = "forgot"
"""After damage it is not known for sure what destinations were told: the end of a problem is told in doubt."""
ENDS, ALL = "yes", "all"
"""Its values: what was to be told is there, or some of it may be lost."""


def remember(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, as_text(value)))


def recall(db: sqlite3.Connection, name: str) -> str:
    """Return the fact; empty when there is none."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return row[0] if row else ""
