"""Who is told, in SQL: destinations that come, change and go, and what each of them knows.

Each function works within its caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from agent.model import Destination, EventStatus
from agent.store import former
from agent.store.deliveries import PROBLEMS
from agent.store.rows import KnownProblems

UNKNOWN = ""
"""The identity of a destination of an older database, which did not note it: whoever is meant now is meant."""
REMOVED = "its destination was removed from the configuration"
MOOT = "its problem was never told to this destination"
KNOWN = "this destination was told of it before"


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


def adopt(db: sqlite3.Connection, targets: Sequence[Destination], at: int = 0) -> None:
    """Add the new ones, and begin anew with those whose name now means another destination.

    One that was told before under its name knows what it knew then. `at` in Unix milliseconds.
    """
    current = {one.name: one for one in in_force(db)}
    former.forget_moot(db)
    for one in targets:
        before = current.get(one.name)
        if before is None or before.identity not in (UNKNOWN, one.identity):
            if before:
                former.set_aside(db, one.name, before.identity)
            former.call_back(db, one.name, one.identity)
            begin_anew(db, one.name, at)
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
    _drop_digests(db, name)
    former.set_aside(db, name, identity(db, name) or UNKNOWN)
    _drop(db, "destination = ? AND phase = 'pending'", (name,), REMOVED, at)
    db.execute("UPDATE destinations SET removed_at = ? WHERE name = ?", (at, name))
    return int(waiting)


def forget(db: sqlite3.Connection, name: str, at: int) -> None:
    """It forgot all that it was told; `at` in Unix milliseconds."""
    former.know(db, name, {})
    begin_anew(db, name, at)


def begin_anew(db: sqlite3.Connection, name: str, at: int) -> None:
    """Another one is meant by this name, or it forgot all: it is told the ends of what it knows, then what waits.

    What waits is worded anew for it, and the end of a problem that it never heard of is not told. `at` in Unix
    milliseconds.
    """
    db.execute("UPDATE deliveries SET digest = NULL WHERE destination = ? AND phase = 'pending'", (name,))
    _drop_digests(db, name)
    db.execute(
        "UPDATE deliveries SET body = NULL, attempts = 0, handed_at = 0 WHERE destination = ? AND phase = 'pending'"
        " AND id IN (SELECT id FROM notifications WHERE facts IS NOT NULL)",
        (name,),
    )
    before = open_problems(db, name)
    former.tell_ends(db, name)
    former.note_begin(db, name, before)
    after, moot = hear(before, db.execute(_WAITING, (name,)).fetchall())
    for seq, why in moot.items():
        _drop(db, "seq = ?", (seq,), why, at)
    former.know(db, name, {about: problem for about, problem in after.items() if problem[0]})


def know_what_waits(db: sqlite3.Connection, name: str) -> None:
    """Have it know the problems that wait for it, and no others."""
    problems, _ = hear({}, db.execute(_WAITING, (name,)).fetchall())
    former.know(db, name, problems)


def hear(known: KnownProblems, waiting: Iterable[Sequence[Any]]) -> tuple[KnownProblems, dict[int, str]]:
    """Return what a destination knows once it is told what waits; and what it need not be told, by number, and why.

    That are ends without a begin, and what it knows already. `waiting` has rows of number, check,
    subject, status and facts, in their order. Pure.
    """
    problems, moot = dict(known), dict[int, str]()
    for seq, check, subject, status, facts in waiting:
        about, fact = (check, subject), former.incident_of(facts)
        if status in PROBLEMS:
            if not fact.repeat and problems.get(about) == (fact.incident, status):
                moot[seq] = KNOWN
            problems[about] = (fact.incident, status)
        elif status == EventStatus.OK:
            if about in problems and problems[about][0] == fact.incident:
                del problems[about]
            else:
                moot[seq] = MOOT
    return problems, moot


def _drop_digests(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM deliveries WHERE destination = ? AND phase = 'pending' AND members > 0", (name,))


def _drop(db: sqlite3.Connection, where: str, values: Sequence[object], why: str, at: int) -> None:
    assignment = "phase = 'dropped', answer = ?, answered_at = ?, digest = NULL, body = NULL"
    db.execute(f"UPDATE deliveries SET {assignment} WHERE {where}", (why, at, *values))  # noqa: S608 - our own words


_WAITING = """SELECT deliveries.seq, deliveries.check_name, deliveries.subject, deliveries.status, facts
    FROM deliveries LEFT JOIN notifications USING (id)
    WHERE destination = ? AND phase = 'pending' AND members = 0 ORDER BY deliveries.seq"""


def open_problems(db: sqlite3.Connection, name: str) -> KnownProblems:
    """Return the problems that a destination was told, but not the end of: incident and status by check and subject."""
    query = "SELECT check_name, subject, incident, status FROM known_problems WHERE destination = ?"
    return {(check, subject): (incident, status) for check, subject, incident, status in db.execute(query, (name,))}
