"""Reading row by row what a damaged database still has."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from agent.model import State
from agent.store.rows import LastRun

GAP_LIMIT = 100_000
"""Events in the unreadable middle that are asked for one by one."""

# Not UTF-8: SQLite quotes the damaged schema in its message.
UNREADABLE = (sqlite3.Error, OSError, UnicodeDecodeError)

Row = dict[str, Any]

# The order in which a table lies in the file: no index is needed to read it so.
KEYS = {
    "events": ("seq",),
    "states": ("check_name", "subject"),
    "memories": ("check_name",),
    "last_runs": ("check_name", "subject"),
}


def salvage(file: Path, into: sqlite3.Connection) -> str:
    """Copy what can be read and makes sense: events not told, states, memories. Says how many."""
    counts = dict.fromkeys(KEYS, 0)
    with contextlib.suppress(*UNREADABLE), contextlib.closing(_readable(file)) as db:
        into.execute("BEGIN IMMEDIATE")
        for table in counts:
            counts[table] = sum(_copied(into, table, row) for row in _rows(db, table) if SENSIBLE[table](row))
    if into.in_transaction:
        # A digest that got lost: its members are told by another one.
        into.execute("UPDATE events SET digest = NULL WHERE digest NOT IN (SELECT seq FROM events WHERE members > 0)")
        into.execute("COMMIT")
    return f"{counts['events']} events to be told, {counts['states']} states"


def _readable(file: Path) -> sqlite3.Connection:
    # Read-only, so that what is set aside stays as it was found.
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    return db


def _rows(db: sqlite3.Connection, table: str) -> Iterator[Row]:
    """Yield rows from the front up to the damage, from the back up to the damage, and what lies between."""
    key = KEYS[table]
    seen: set[tuple[Any, ...]] = set()
    for order in ("ASC", "DESC"):
        for row in _until_damage(db, f"SELECT * FROM {table} ORDER BY {', '.join(f'{name} {order}' for name in key)}"):  # noqa: S608
            if (place := tuple(row[name] for name in key)) in seen:
                return
            seen.add(place)
            yield row
    if table == "events" and seen:
        yield from _one_by_one(db, {place[0] for place in seen})


def _one_by_one(db: sqlite3.Connection, seen: set[int]) -> Iterator[Row]:
    for seq in list(range(min(seen), max(seen)))[:GAP_LIMIT]:
        if seq not in seen:
            yield from _until_damage(db, f"SELECT * FROM events WHERE seq = {seq}")  # noqa: S608


def _until_damage(db: sqlite3.Connection, query: str) -> Iterator[Row]:
    with contextlib.suppress(*UNREADABLE):
        yield from map(dict, db.execute(query))


def _copied(into: sqlite3.Connection, table: str, row: Row) -> int:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    with contextlib.suppress(sqlite3.IntegrityError):
        return into.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", tuple(row.values())).rowcount  # noqa: S608
    return 0


def _decodes(name: str, wanted: Any) -> Callable[[Row], bool]:
    def decodes(row: Row) -> bool:
        try:
            return bool(msgspec.json.decode(row[name], type=wanted))
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError, KeyError):
            return False

    return decodes


def _is_event(row: Row) -> bool:
    waits = row.get("phase") in ("pending", "refused") and type(row.get("created")) is int
    return waits and bool(row.get("event_id")) and _decodes("body", dict[str, Any])(row)


SENSIBLE: dict[str, Callable[[Row], bool]] = {
    "events": _is_event,
    "states": _decodes("state", State),
    "memories": _decodes("memory", dict[str, Any]),
    "last_runs": _decodes("last_run", LastRun),
}
