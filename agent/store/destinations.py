"""Who is told, in SQL: destinations that come, change and go, and what each of them knows.

Each function works within its caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from agent.model import Destination
from agent.store.deliveries import PROBLEMS

UNKNOWN = ""
"""The identity of a destination of an older database, which did not note it: whoever is meant now is meant."""
REMOVED = "its destination was removed from the configuration"
MOOT = "its problem was never told to this destination"


def in_force(db: sqlite3.Connection) -> list[Destination]:
    """Return who is told now."""
    query = "SELECT name, identity, selector FROM destinations WHERE removed_at = 0 ORDER BY name"
    return [Destination(*row) for row in db.execute(query)]


def identity(db: sqlite3.Connection, name: str) -> str | None:
    """Return which destination a name means; None where none was ever told by it."""
    row = db.execute("SELECT identity FROM destinations WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def ever_configured(db: sqlite3.Connection, but: str) -> bool:
    """Tell whether there ever was a destination, beside the one called `but`."""
    return bool(db.execute("SELECT count(*) FROM destinations WHERE name != ?", (but,)).fetchone()[0])


def adopt(db: sqlite3.Connection, targets: Sequence[Destination]) -> None:
    """Add the new ones, and begin anew with those whose name now means another destination."""
    current = {one.name: one for one in in_force(db)}
    for one in targets:
        before = current.get(one.name)
        if before and before.identity not in (UNKNOWN, one.identity):
            begin_anew(db, one.name)
        db.execute(
            "INSERT INTO destinations (name, identity, selector) VALUES (?1, ?2, ?3)"
            " ON CONFLICT (name) DO UPDATE SET identity = ?2, selector = ?3, removed_at = 0",
            (one.name, one.identity, one.only),
        )


def remove(db: sqlite3.Connection, name: str, at: int) -> int:
    """End a destination's deliveries; returns how many waited. `at` in Unix milliseconds."""
    waiting = db.execute(
        "SELECT count(*) FROM deliveries WHERE destination = ? AND phase = 'pending' AND members = 0", (name,)
    ).fetchone()[0]
    db.execute("DELETE FROM deliveries WHERE destination = ? AND phase = 'pending' AND members > 0", (name,))
    _drop(db, "destination = ? AND phase = 'pending'", (name,), REMOVED, at)
    db.execute("DELETE FROM known_problems WHERE destination = ?", (name,))
    db.execute("UPDATE destinations SET removed_at = ? WHERE name = ?", (at, name))
    return int(waiting)


def begin_anew(db: sqlite3.Connection, name: str, at: int = 0) -> None:
    """Another one is meant by this name, or it forgot all: it knows nothing but what still waits for it.

    What waits is worded anew for it, and the end of a problem that it never heard of is not told.
    """
    db.execute("UPDATE deliveries SET digest = NULL WHERE destination = ? AND phase = 'pending'", (name,))
    db.execute("DELETE FROM deliveries WHERE destination = ? AND phase = 'pending' AND members > 0", (name,))
    db.execute(
        "UPDATE deliveries SET body = NULL, attempts = 0, handed_at = 0 WHERE destination = ? AND phase = 'pending'"
        " AND id IN (SELECT id FROM notifications WHERE facts IS NOT NULL)",
        (name,),
    )
    db.execute("DELETE FROM known_problems WHERE destination = ?", (name,))
    _drop(db, f"destination = ? AND phase = 'pending' AND seq IN ({_ENDS})", (name, name, name), MOOT, at)
    db.execute(_KNOWN, (name,))


def _drop(db: sqlite3.Connection, where: str, values: Sequence[object], why: str, at: int) -> None:
    assignment = "phase = 'dropped', answer = ?, answered_at = ?, digest = NULL, body = NULL"
    db.execute(f"UPDATE deliveries SET {assignment} WHERE {where}", (why, at, *values))  # noqa: S608 - our own words


# The ends of problems that stand before any problem of their subject among what waits.
_ENDS = """SELECT one.seq FROM deliveries AS one WHERE one.destination = ? AND one.phase = 'pending'
    AND one.status = 'ok' AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.destination = ?
        AND earlier.phase = 'pending' AND earlier.check_name = one.check_name AND earlier.subject = one.subject
        AND earlier.status NOT IN ('ok', 'info') AND earlier.seq < one.seq)"""

_KNOWN = f"""INSERT INTO known_problems SELECT destination, check_name, subject,
    ifnull((SELECT json_extract(facts, '$.incident') FROM notifications WHERE notifications.id = latest.id), ''), status
    FROM deliveries AS latest WHERE destination = ?1 AND phase = 'pending' AND members = 0
    AND seq = (SELECT max(seq) FROM deliveries WHERE destination = ?1 AND phase = 'pending' AND members = 0
        AND check_name = latest.check_name AND subject = latest.subject)
    AND status IN ({", ".join(f"'{status}'" for status in PROBLEMS)})
    AND (SELECT json_extract(facts, '$.incident') FROM notifications WHERE notifications.id = latest.id) != ''"""  # noqa: S608 - our own words


def open_incidents(db: sqlite3.Connection, name: str) -> dict[tuple[str, str], str]:
    """Return the incidents whose begin a destination was told, but not the end, by check and subject."""
    query = "SELECT check_name, subject, incident FROM known_problems WHERE destination = ?"
    return {(check, subject): incident for check, subject, incident in db.execute(query, (name,))}
