"""The events in the database, from outbox to history: each function works within its caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from agent.model import URGENCY, Event
from agent.store.encode import as_json, as_text
from agent.store.rows import Due, Phase, StoreNotice

HISTORY_LIMIT = 10_000
"""Delivered events kept for `hostvigil events`."""
REFUSED_LIMIT = 1_000
"""Refused events kept for `hostvigil events retry`."""
DUE_LIMIT = 1_000

URGENCY_OF = "CASE {}.status " + " ".join(f"WHEN '{told}' THEN {rank}" for rank, told in enumerate(URGENCY)) + " END"
_DUE = f"""
    WITH heads AS (
        SELECT min(seq) AS first, max(seq) AS last, count(*) AS changes
        FROM events WHERE phase = 'pending' AND members = 0 GROUP BY check_name, subject
        UNION ALL SELECT seq, seq, members FROM events WHERE phase = 'pending' AND members > 0)
    SELECT head.seq, head.event_id, head.check_name, head.subject, head.attempts, head.members, changes
    FROM heads JOIN events AS head ON head.seq = first JOIN events AS latest ON latest.seq = last
    WHERE head.digest IS NULL ORDER BY head.members = 0, {URGENCY_OF.format("latest")}, head.seq LIMIT {DUE_LIMIT}"""  # noqa: S608 - our own words


def append(db: sqlite3.Connection, event: Event) -> int:
    """Put an event into the outbox; returns its size in bytes."""
    body = as_json(event.body).encode()
    values = (event.event_id, as_text(event.check), as_text(event.subject), event.status, event.date, body)
    # The same event once more (its commit had failed half-way) is no second event.
    db.execute(
        "INSERT INTO events (event_id, check_name, subject, status, created, body) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (event_id) DO NOTHING",
        values,
    )
    return len(body)


def due(db: sqlite3.Connection) -> list[Due]:
    """Return what may be told next: digests, then the first event of every subject, the most urgent first.

    How urgent a subject is says its latest change: a problem that is over already can wait for one that is not.
    """
    return [Due(*row) for row in db.execute(_DUE)]


def gather(db: sqlite3.Connection, digest: Event, members: Sequence[int]) -> bool:
    """Put a digest into the outbox and its members, by seq, into it; False when one of them is waiting no more."""
    append(db, digest)
    db.execute("UPDATE events SET members = ? WHERE event_id = ?", (len(members), digest.event_id))
    changed = db.executemany(
        "UPDATE events SET digest = (SELECT seq FROM events WHERE event_id = ?)"
        " WHERE seq = ? AND phase = 'pending' AND digest IS NULL AND members = 0",
        [(digest.event_id, seq) for seq in members],
    )
    return changed.rowcount == len(members)


def dissolve(db: sqlite3.Connection, seq: int) -> None:
    db.execute("UPDATE events SET digest = NULL WHERE digest = ? AND phase = 'pending'", (seq,))
    db.execute("DELETE FROM events WHERE seq = ? AND members > 0 AND phase = 'pending'", (seq,))


def settle(db: sqlite3.Connection, seq: int, phase: Phase, answer: str, at: int) -> None:
    """Write down an answer; what a digest was to tell is delivered with it."""
    db.execute(
        # Only what still waits: the answer to a request that an emitter left behind (a reload) may come late.
        "UPDATE events SET phase = ?, attempts = attempts + 1, answer = ?, answered_at = ?"
        " WHERE seq = ? AND phase = 'pending'",
        (phase, as_text(answer), at, seq),
    )
    if phase is Phase.DELIVERED:
        db.execute(
            "UPDATE events SET phase = 'delivered', attempts = attempts + 1, answered_at = ?2,"
            " answer = 'told in digest ' || (SELECT event_id FROM events WHERE seq = ?1)"
            " WHERE digest = ?1 AND phase = 'pending'",
            (seq, at),
        )


def trim(db: sqlite3.Connection, phase: Phase, limit: int) -> None:
    """Keep the newest of what is settled."""
    db.execute(
        "DELETE FROM events WHERE phase = ?1 AND seq <="
        " (SELECT seq FROM events WHERE phase = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
        (phase, limit),
    )


# --- remarks --------------------------------------------------------------------------------------------------------


def remark(db: sqlite3.Connection, name: str, count: int, text: str = "") -> None:
    """Count something to be told of the store itself."""
    if count:
        db.execute(
            "INSERT INTO remarks (name, count, text) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET count = count + excluded.count, text = excluded.text",
            (name, count, as_text(text)),
        )


def untold(db: sqlite3.Connection) -> list[StoreNotice]:
    return [StoreNotice(*row) for row in db.execute("SELECT name, count, text FROM remarks WHERE count > told")]


def told(db: sqlite3.Connection, remark: StoreNotice) -> None:
    db.execute("UPDATE remarks SET told = ? WHERE name = ?", (remark.count, remark.name))
