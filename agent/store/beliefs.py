"""What is believed and remembered of checks, in SQL; each call is part of the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from agent.model import State
from agent.store.encode import as_json, as_text


def believe(db: sqlite3.Connection, states: Iterable[State]) -> None:
    """Write what is believed of these subjects."""
    db.executemany(
        "INSERT OR REPLACE INTO states VALUES (?, ?, ?)",
        [(as_text(state.check), as_text(state.subject), as_json(state)) for state in states],
    )


def remember(db: sqlite3.Connection, memories: Mapping[str, dict[str, Any]]) -> None:
    """Write what these checks remember."""
    db.executemany(
        "INSERT OR REPLACE INTO memories VALUES (?, ?)",
        [(as_text(check), as_json(memory)) for check, memory in memories.items()],
    )


def forget(db: sqlite3.Connection, forgotten: Iterable[tuple[str, str | None]]) -> None:
    """Drop all of a check, or with a subject what is of that subject alone."""
    for check, subject in forgotten:
        if subject is None:
            for table in ("states", "memories", "last_runs"):
                db.execute(f"DELETE FROM {table} WHERE check_name = ?", (as_text(check),))  # noqa: S608 - our own names
        else:
            for table in ("states", "last_runs"):
                query = f"DELETE FROM {table} WHERE check_name = ? AND subject = ?"  # noqa: S608 - our own names
                db.execute(query, (as_text(check), as_text(subject)))
