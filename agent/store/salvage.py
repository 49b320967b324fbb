"""Reading row by row what a damaged database still has."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.model import Notification, State
from agent.store import beliefs
from agent.store.destinations import know_what_waits
from agent.store.kept import ALL, ENDS, FORGOT, remember
from agent.store.old_events import MAIN, facts_of, insert, insert_facts, insert_known_problems
from agent.store.rows import LastRun

GAP_LIMIT = 100_000
"""Events in the unreadable middle that are asked for one by one."""

# Not UTF-8: SQLite quotes the damaged schema in its message.
UNREADABLE = (sqlite3.Error, OSError, UnicodeDecodeError)

Row = dict[str, Any]

KEYS = {
    "events": 1,
    "notifications": 1,
    "deliveries": 1,
    "destinations": 1,
    "known_problems": 3,
    "facts": 1,
    "states": 2,
    "memories": 1,
    "last_runs": 2,
}
"""How many of a table's first columns are its key, by which it lies in the file: no index is needed to read it so."""
NUMBERED = ("events", "notifications", "deliveries")
"""Rows of these in the unreadable middle are asked for by their number."""


def salvage(file: Path, into: sqlite3.Connection) -> str:
    """Copy what can be read and makes sense: what is not told, states, memories, destinations. Says how many."""
    with contextlib.suppress(*UNREADABLE), contextlib.closing(_readable(file)) as db:
        into.execute("BEGIN IMMEDIATE")
        for table in KEYS:
            for row in _rows(db, table, _columns(into, table)):
                if SENSIBLE[table](row):
                    _copy(into, table, row)
    if into.in_transaction:
        _make_sense(into)
        if not _is_whole(file, "states"):
            beliefs.believe(into, beliefs.as_told(into))
        _note_doubt(into, lost=not _is_whole(file, "deliveries"))
        into.execute("COMMIT")
    counts = (into.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("deliveries", "states"))  # noqa: S608
    return "{} events to be told, {} states".format(*counts)


def _make_sense(into: sqlite3.Connection) -> None:
    """Bring together what belongs together, where a part of it got lost."""
    digests = "SELECT seq FROM deliveries WHERE members > 0"
    into.execute(f"UPDATE deliveries SET digest = NULL WHERE digest NOT IN ({digests})")  # noqa: S608 - our own words
    alone = into.execute(
        "SELECT id, check_name, subject, status, created FROM deliveries"
        " WHERE members = 0 AND id NOT IN (SELECT id FROM notifications)"
    )
    for values in alone.fetchall():
        row = dict(zip(("event_id", "check_name", "subject", "status", "created"), values, strict=True))
        insert_facts(into, row, facts_of(row, {"title": "what was seen got lost with a damaged database"}))
    for (name,) in into.execute("SELECT DISTINCT destination FROM deliveries").fetchall():
        query = "INSERT OR IGNORE INTO destinations (name, identity, selector) VALUES (?, '', '*')"
        if into.execute(query, (name,)).rowcount:
            insert_known_problems(into, name)


def _note_doubt(into: sqlite3.Connection, lost: bool) -> None:
    """Where what was to be told may be lost, nobody knows more than what still waits: what stands is told once more."""
    remember(into, FORGOT, ALL if lost else ENDS)
    if lost:
        for (name,) in into.execute("SELECT name FROM destinations WHERE removed_at = 0").fetchall():
            know_what_waits(into, name)


def _is_whole(file: Path, table: str) -> bool:
    with contextlib.suppress(*UNREADABLE), contextlib.closing(_readable(file)) as db:
        return bool(db.execute(f"PRAGMA integrity_check({table})").fetchone()[0] == "ok")
    return False


def _readable(file: Path) -> sqlite3.Connection:
    # Read-only, so that what is set aside stays as it was found.
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    db.execute("PRAGMA writable_schema = ON")  # the tables that are described well are read; nothing is written
    return db


def _columns(db: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """Return the names of today's columns; an older table has the first of them, a damaged description other names."""
    return tuple(row[1] for row in db.execute(f"PRAGMA table_info({table})"))


def _rows(db: sqlite3.Connection, table: str, columns: Sequence[str]) -> Iterator[Row]:
    """Yield rows from the front up to the damage, from the back up to the damage, and what lies between."""
    keys = range(KEYS[table])
    places: set[tuple[Any, ...]] = set()
    for order in ("ASC", "DESC"):
        query = f"SELECT * FROM {table} ORDER BY {', '.join(f'{number + 1} {order}' for number in keys)}"  # noqa: S608
        for row in _until_damage(db, query, columns):
            if (place := tuple(row.values())[: KEYS[table]]) in places:
                return
            places.add(place)
            yield row
    if table in NUMBERED and places:
        yield from _one_by_one(db, table, columns, {place[0] for place in places})


def _one_by_one(db: sqlite3.Connection, table: str, columns: Sequence[str], numbers: set[int]) -> Iterator[Row]:
    for seq in list(range(min(numbers), max(numbers)))[:GAP_LIMIT]:
        if seq not in numbers:
            yield from _until_damage(db, f"SELECT * FROM {table} WHERE rowid = {seq}", columns)  # noqa: S608


def _until_damage(db: sqlite3.Connection, query: str, columns: Sequence[str]) -> Iterator[Row]:
    with contextlib.suppress(*UNREADABLE):
        cursor = db.execute(query)
        names = columns or [column[0] for column in cursor.description]
        for values in cursor:
            yield dict(zip(names, values, strict=False))


def _copy(into: sqlite3.Connection, table: str, row: Row) -> None:
    if table == "events":
        insert(into, row, MAIN)
        return
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    with contextlib.suppress(sqlite3.IntegrityError):
        into.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608


def _decodes(name: str, row_type: Any) -> Callable[[Row], bool]:
    def decodes(row: Row) -> bool:
        try:
            return bool(msgspec.json.decode(row[name], type=row_type))
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError, KeyError):
            return False

    return decodes


def _is_event(row: Row) -> bool:
    waits = row.get("phase") in ("pending", "refused") and type(row.get("created")) is int
    return waits and bool(row.get("event_id")) and _decodes("body", dict[str, Any])(row)


def _is_delivery(row: Row) -> bool:
    waits = row.get("phase") in ("pending", "refused") and type(row.get("created")) is int
    return waits and bool(row.get("id")) and bool(row.get("destination"))


def _is_named(row: Row) -> bool:
    return all(isinstance(value, str | int) for value in row.values())


SENSIBLE: dict[str, Callable[[Row], bool]] = {
    "events": _is_event,
    "notifications": _decodes("facts", Notification),
    "deliveries": _is_delivery,
    "destinations": _is_named,
    "known_problems": _is_named,
    "facts": _is_named,
    "states": _decodes("state", State),
    "memories": _decodes("memory", dict[str, Any]),
    "last_runs": _decodes("last_run", LastRun),
}
