"""Destinations that are told no more: which problems they heard of is kept, for they may come back.

Each function works within its caller's transaction.
"""

from __future__ import annotations

import sqlite3

import msgspec

from agent.model import Notification
from agent.store import deliveries, kept
from agent.store.deliveries import PROBLEMS
from agent.store.encode import decode_rows
from agent.store.rows import KnownProblems

_FORMER = " (was "
_BEGIN = " (begin)"
"""No name of a destination in force has blanks."""

# The first that waits of each subject says what was told before it.
_FIRST = """SELECT seq, check_name, subject, facts FROM deliveries AS one
    LEFT JOIN (SELECT id, facts FROM notifications) USING (id)
    WHERE destination = ?1 AND phase = 'pending' AND members = 0
    AND seq = (SELECT min(seq) FROM deliveries WHERE destination = ?1 AND phase = 'pending' AND members = 0
        AND check_name = one.check_name AND subject = one.subject)"""

_ENDS = """SELECT id, check_name, subject, notifications.status, created, length(facts), facts, incident
    FROM known_problems JOIN notifications USING (check_name, subject)
    WHERE destination = ?1 AND notifications.status = 'ok'
    AND id NOT IN (SELECT id FROM deliveries WHERE destination = ?1 AND phase = 'pending')"""

_LAST_ENDS = """SELECT '', facts FROM notifications AS one
    WHERE status = 'ok' AND created >= ?2
    AND seq IN (SELECT max(seq) FROM notifications GROUP BY check_name, subject)
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE destination = ?1 AND phase = 'pending' AND members = 0
        AND check_name = one.check_name AND subject = one.subject)"""

_AGAIN = """INSERT INTO deliveries (destination, id, check_name, subject, status, created, size)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (destination, id) DO UPDATE SET phase = 'pending', attempts = 0,
    answer = '', answered_at = 0, body = NULL, digest = NULL, handed_at = 0"""

_ABOUT = "destination = ? AND check_name = ? AND subject = ?"


class Incident(msgspec.Struct, frozen=True):
    """What a state or a notification says of an incident."""

    incident: str = ""
    previous: str | None = ""
    incident_since: int = 0
    at: int = 0
    repeat: int = 0

    @property
    def began_before(self) -> bool:
        """Tell whether who is told this was told of the same problem before."""
        return bool(self.incident and self.previous in PROBLEMS and self.incident_since < self.at)


def know(db: sqlite3.Connection, name: str, known: KnownProblems) -> None:
    """Have it know these problems, and no others."""
    db.execute("DELETE FROM known_problems WHERE destination = ?", (name,))
    rows = [(name, *about, *problem) for about, problem in known.items()]
    db.executemany("INSERT INTO known_problems VALUES (?, ?, ?, ?, ?)", rows)


def note_begin(db: sqlite3.Connection, name: str, known: KnownProblems) -> None:
    """It is told from now on: keep what it knows before what waits already, in case it goes before it hears that."""
    know(db, name + _BEGIN, known)
    last = db.execute("SELECT ifnull(max(seq), 0) FROM deliveries").fetchone()[0]
    kept.remember(db, f"begin of {name}", str(last))


def set_aside(db: sqlite3.Connection, name: str, identity: str) -> None:
    """It is told no more: of what it knows keep what it was told, for of what waits it never heard."""
    begin = int(kept.recall(db, f"begin of {name}") or 0)
    for seq, check, subject, facts in db.execute(_FIRST, (name,)).fetchall():
        first, about = incident_of(facts), (check, subject)
        db.execute(f"DELETE FROM known_problems WHERE {_ABOUT}", (name, *about))  # noqa: S608 - our own words
        if seq <= begin:
            db.execute(f"UPDATE known_problems SET destination = ? WHERE {_ABOUT}", (name, name + _BEGIN, *about))  # noqa: S608
        elif first.began_before:
            values = (name, *about, first.incident, first.previous)
            db.execute("INSERT INTO known_problems VALUES (?, ?, ?, ?, ?)", values)
    know(db, name + _BEGIN, {})
    _rename(db, name, _former(name, identity))


def call_back(db: sqlite3.Connection, name: str, identity: str) -> None:
    """It is told again, and knows what it knew when it left, and nothing else."""
    _rename(db, _former(name, identity), name)


def tell_ends(db: sqlite3.Connection, name: str) -> None:
    """Have it told the ends of the problems that it knows, before all else that waits of their subjects."""
    for *row, facts, incident in db.execute(_ENDS, (name,)).fetchall():
        if incident_of(facts).incident == incident:
            about = (name, row[1], row[2])
            later = f"SELECT seq FROM deliveries WHERE {_ABOUT} AND phase = 'pending' AND members = 0 ORDER BY seq"  # noqa: S608
            waiting = db.execute(later, about).fetchall()
            end = next(decode_rows([("", facts)], Notification), None)
            if end and (as_known := deliveries.as_known(db, name, (row[1], row[2]), end)) is not end:
                deliveries.append(db, as_known, [name])
            else:
                db.execute(_AGAIN, (name, *row))
            # A subject is told in the order of the numbers: what waits for it comes behind its end.
            db.executemany("UPDATE deliveries SET seq = 1 + (SELECT max(seq) FROM deliveries) WHERE seq = ?", waiting)
            db.execute(f"DELETE FROM known_problems WHERE {_ABOUT}", about)  # noqa: S608 - our own words


def last_ends(db: sqlite3.Connection, name: str, since: int) -> list[Notification]:
    """Return the ends since then, Unix milliseconds, of subjects of which nothing waits for it: it may lack them."""
    return list(decode_rows(db.execute(_LAST_ENDS, (name, since)).fetchall(), Notification))


def forget_moot(db: sqlite3.Connection) -> None:
    """Forget problems of former destinations that neither stand nor have an end that could be told."""
    rows = db.execute("SELECT DISTINCT incident FROM known_problems WHERE instr(destination, ?)", (_FORMER,)).fetchall()
    if not rows:
        return
    states = db.execute("SELECT state FROM states").fetchall()
    ends = db.execute("SELECT facts FROM notifications WHERE status = 'ok'").fetchall()
    live = {incident_of(row[0]).incident for row in (*states, *ends)}
    moot = [(_FORMER, incident) for (incident,) in rows if incident not in live]
    db.executemany("DELETE FROM known_problems WHERE instr(destination, ?) AND incident = ?", moot)


def incident_of(text: bytes | str | None) -> Incident:
    """Read what a state or notification says as JSON; what cannot be read is of no incident."""
    try:
        return msgspec.json.decode(text or b"{}", type=Incident)
    except (msgspec.MsgspecError, ValueError):
        return Incident()


def _former(name: str, identity: str) -> str:
    return f"{name}{_FORMER}{identity})"


def _rename(db: sqlite3.Connection, old: str, new: str) -> None:
    db.execute("DELETE FROM known_problems WHERE destination = ?", (new,))
    db.execute("UPDATE known_problems SET destination = ? WHERE destination = ?", (new, old))
