"""What is believed and remembered of checks, in SQL; each call is part of the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from agent.model import EventStatus, Notification, State, Status
from agent.store.encode import as_json, as_text, decode_rows

_KNOWN = """SELECT DISTINCT check_name, subject, incident, known_problems.status FROM known_problems
    JOIN destinations ON name = destination AND removed_at = 0"""
_TOLD = """SELECT check_name, facts FROM notifications
    WHERE check_name = ? AND subject = ? AND status = ? ORDER BY seq DESC LIMIT 1"""


def read_states(db: sqlite3.Connection) -> list[State]:
    """Return what is believed of every subject; of a problem whose state cannot be read, what was told of it."""
    rows = db.execute("SELECT check_name, subject, state FROM states").fetchall()
    states = list(decode_rows([(check, text) for check, _, text in rows], State))
    if len(states) == len(rows):
        return states
    readable = {(as_text(state.check), as_text(state.subject)) for state in states}
    return states + as_told(db, {(check, subject) for check, subject, _ in rows} - readable)


def as_told(db: sqlite3.Connection, lost: Collection[tuple[str, str]] | None = None) -> list[State]:
    """Return the problems that somebody was told of, as states: of these subjects, or of all that have no state.

    Else such a problem would never end for who was told of it.
    """
    if lost is None:
        lost = {row[:2] for row in db.execute(_KNOWN)} - set(db.execute("SELECT check_name, subject FROM states"))
    problems = {row[:2]: row for row in db.execute(_KNOWN).fetchall() if row[:2] in lost}
    return [_as_told(db, *row) for row in problems.values()]


def _as_told(db: sqlite3.Connection, check: str, subject: str, incident: str, status: str) -> State:
    """Return the state of a problem by what was told of it last."""
    last = next(decode_rows(db.execute(_TOLD, (check, subject, status)).fetchall(), Notification), None)
    facts = last if last and last.incident == incident else Notification("", check, subject, EventStatus(status), 0)
    return State(
        facts.check,
        facts.subject,
        decided=Status(status) if status in list(Status) else None,
        decided_since=facts.at,
        notified=EventStatus(status),
        notified_at=facts.at,
        incident=incident,
        incident_since=facts.incident_since,
        incident_host=facts.host.get("host", ""),
        events=1,
        type=facts.type,
    )


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
