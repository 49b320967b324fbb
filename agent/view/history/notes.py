"""What people did, in the history's file: silences and their ends, acknowledgements, runs that were asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from agent.store.encode import as_text
from agent.view.history.rows import Deed, NoteRow
from agent.view.history.silences import Key, SilenceBook

TABLE = """CREATE TABLE IF NOT EXISTS notes (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, deed TEXT NOT NULL, who TEXT NOT NULL, about TEXT NOT NULL,
    began INTEGER NOT NULL, until INTEGER NOT NULL, text TEXT NOT NULL)"""
"""Made where it is missing: what knows nothing of it is not harmed by it."""
MOST = 1000
REMEMBERED = 2 * 86_400_000
"""Silences that ended are remembered for so long, longer than their file names them."""


def write(db: sqlite3.Connection, rows: Iterable[NoteRow]) -> None:
    """Add notes, within the caller's transaction."""
    db.executemany(
        "INSERT INTO notes (at, deed, who, about, began, until, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (row.at, str(row.deed), as_text(row.who), as_text(row.about), row.began, row.until, as_text(row.text))
            for row in rows
        ],
    )


def read(db: sqlite3.Connection, since: int, until: int) -> tuple[NoteRow, ...]:
    """Return the latest notes of a span (Unix milliseconds) in their order; none where the file is older than notes."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone():
        return ()
    rows = db.execute(
        "SELECT at, deed, who, about, began, until, text FROM notes WHERE at >= ? AND at <= ? ORDER BY at DESC LIMIT ?",
        (since, until, MOST),
    ).fetchall()
    deeds = {str(one) for one in Deed}
    return tuple(NoteRow(row[0], Deed(row[1]), *row[2:]) for row in reversed(rows) if row[1] in deeds)


def book(db: sqlite3.Connection, now: int) -> SilenceBook:
    """Return the book of the silences that are noted; `now` in Unix milliseconds."""
    rows = db.execute(
        "SELECT about, began, max(until), max(deed = ?) FROM notes WHERE began > 0 GROUP BY about, began"
        " HAVING max(deed = ?) = 0 OR max(at) > ?",
        (Deed.SILENCE_ENDED, Deed.SILENCE_ENDED, now - REMEMBERED),
    )
    ends: dict[Key, int] = {(about, began): 0 if is_over else until for about, began, until, is_over in rows}
    return SilenceBook(ends)


def prune(db: sqlite3.Connection, before: int) -> None:
    db.execute("DELETE FROM notes WHERE at < ?", (before,))
