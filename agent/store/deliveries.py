"""The deliveries in SQL, from outbox to history: each function works within its caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from agent.model import URGENCY, EventStatus, Notification
from agent.store.encode import as_json, as_text
from agent.store.kept import FORGOT, recall
from agent.store.rows import Bundle, Due, Phase

HISTORY_LIMIT = 10_000
"""Settled deliveries kept for `hostvigil events`."""
REFUSED_LIMIT = 1_000
"""Refused deliveries kept for `hostvigil events retry`."""
DUE_LIMIT = 1_000
"""As many as a digest tells; what is behind them is asked for when these are told."""
PROBLEMS = (EventStatus.CRITICAL, EventStatus.FLAPPING, EventStatus.WARNING, EventStatus.NODATA)

_RANKS = " ".join(f"WHEN '{status}' THEN {rank}" for rank, status in enumerate(URGENCY))
URGENCY_OF = f"CASE {{}}.status {_RANKS} END"
_DUE = f"""
    WITH heads AS (
        SELECT min(seq) AS first, max(seq) AS last, count(*) AS changes FROM deliveries
        WHERE destination = ?1 AND phase = 'pending' AND members = 0 AND handed_at = 0 GROUP BY check_name, subject
        UNION ALL SELECT seq, seq, members FROM deliveries
        WHERE destination = ?1 AND phase = 'pending' AND members > 0)
    SELECT head.seq, head.id, head.check_name, head.subject, head.attempts, head.members, changes
    FROM heads JOIN deliveries AS head ON head.seq = first JOIN deliveries AS latest ON latest.seq = last
    WHERE head.digest IS NULL ORDER BY head.members = 0, {URGENCY_OF.format("latest")}, head.seq LIMIT {DUE_LIMIT}"""  # noqa: S608 - our own words


def append(db: sqlite3.Connection, notification: Notification, destinations: Iterable[str]) -> int:
    """Store a notification once, with a delivery for each destination; returns the size of its facts in bytes.

    The end of a problem goes only to who was told of the problem.
    """
    facts = as_json(notification).encode()
    about = (as_text(notification.check), as_text(notification.subject))
    # The same once more (its commit had failed half-way) is no second one.
    db.execute(
        "INSERT INTO notifications (id, check_name, subject, status, created, facts) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO NOTHING",
        (notification.id, *about, notification.status, notification.at, facts),
    )
    for destination in destinations:
        end = as_known(db, destination, about, notification)
        if end is not notification:
            append(db, end, [destination])
        elif _is_for(db, destination, about, notification):
            db.execute(
                "INSERT INTO deliveries (destination, id, check_name, subject, status, created, size)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (destination, id) DO NOTHING",
                (destination, notification.id, *about, notification.status, notification.at, len(facts)),
            )
    return len(facts)


def as_known(
    db: sqlite3.Connection, destination: str, about: tuple[str, str], notification: Notification
) -> Notification:
    """Return the end of a problem as it is for a destination that was not told its last status: of what it knows."""
    if notification.status is not EventStatus.OK or notification.previous not in PROBLEMS:
        return notification
    query = "SELECT status FROM known_problems WHERE destination = ? AND check_name = ? AND subject = ?"
    row = db.execute(query, (destination, *about)).fetchone()
    if row is None or row[0] not in PROBLEMS or row[0] == notification.previous:
        return notification
    last = "SELECT max(created) FROM deliveries WHERE destination = ? AND check_name = ? AND subject = ? AND status = ?"
    (told_at,) = db.execute(last, (destination, *about, row[0])).fetchone()
    return msgspec.structs.replace(
        notification,
        id=_name_of(notification.id, destination),
        previous=EventStatus(row[0]),
        since=max(told_at or 0, notification.incident_since),
    )


def _name_of(id_: str, destination: str) -> str:
    # Late: it brings OpenSSL along.
    from hashlib import blake2s

    return blake2s(f"{id_}\0{destination}".encode(errors="surrogatepass"), digest_size=16).hexdigest()


def ends_for(db: sqlite3.Connection, destination: str, notification: Notification) -> bool:
    """Tell whether it is the end of a problem that the destination heard of, whatever it asks for by now."""
    if notification.status is not EventStatus.OK or not notification.incident:
        return False
    query = "SELECT 1 FROM known_problems WHERE destination = ? AND check_name = ? AND subject = ? AND incident = ?"
    about = (as_text(notification.check), as_text(notification.subject), notification.incident)
    return bool(db.execute(query, (destination, *about)).fetchone())


def _is_for(db: sqlite3.Connection, destination: str, about: tuple[str, str], notification: Notification) -> bool:
    """Note what the destination knows of the subject from now on; False where it has nothing to know."""
    if not notification.incident:
        return True  # news of the agent, which neither begin nor end a problem
    if notification.status in PROBLEMS:
        values = (destination, *about, notification.incident, notification.status)
        db.execute("INSERT OR REPLACE INTO known_problems VALUES (?, ?, ?, ?, ?)", values)
        return True
    result = db.execute(
        "DELETE FROM known_problems WHERE destination = ? AND check_name = ? AND subject = ?", (destination, *about)
    )
    return result.rowcount > 0 or bool(recall(db, FORGOT))


def due(db: sqlite3.Connection, destination: str) -> list[Due]:
    """Return what may be told next: digests, then the first delivery of every subject, the most urgent first.

    How urgent a subject is says its latest change: a problem that is over already can wait for one that is not.
    """
    return [Due(*row) for row in db.execute(_DUE, (destination,))]


def bundle(db: sqlite3.Connection, destination: str, digest: Bundle) -> int:
    """Put a digest into the outbox; returns its seq."""
    cursor = db.execute(
        "INSERT INTO deliveries (destination, id, check_name, subject, status, created, size, title, body, members)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(destination, digest.id, as_text(digest.check), as_text(digest.subject), digest.status, digest.at),
            *(len(digest.body), as_text(digest.title), digest.body, len(digest.members)),
        ),
    )
    return int(cursor.lastrowid or 0)


def take_into(db: sqlite3.Connection, digest: int, members: Sequence[int]) -> bool:
    """Have the digest tell these, by seq; False when one of them is waiting no more."""
    result = db.executemany(
        "UPDATE deliveries SET digest = ? WHERE seq = ? AND phase = 'pending' AND digest IS NULL AND members = 0",
        [(digest, seq) for seq in members],
    )
    return result.rowcount == len(members)


def unbundle(db: sqlite3.Connection, seq: int) -> None:
    """Take a digest out of the outbox: what it was to tell waits again, each for itself."""
    db.execute("UPDATE deliveries SET digest = NULL WHERE digest = ? AND phase = 'pending'", (seq,))
    db.execute("DELETE FROM deliveries WHERE seq = ? AND members > 0 AND phase = 'pending'", (seq,))


def settle(db: sqlite3.Connection, seq: int, phase: Phase, answer: str, at: int) -> None:
    """Write down an answer of the moment `at`, Unix milliseconds; what a digest was to tell is delivered with it.

    Bytes that got through are not kept.
    """
    db.execute(
        # Only what still waits: the answer to a request that an emitter left behind (a reload) may come late.
        "UPDATE deliveries SET phase = ?1, attempts = attempts + 1, answer = ?2, answered_at = ?3,"
        " body = CASE WHEN ?1 = 'delivered' THEN NULL ELSE body END WHERE seq = ?4 AND phase = 'pending'",
        (phase, as_text(answer), at, seq),
    )
    if phase is Phase.DELIVERED:
        db.execute(
            "UPDATE deliveries SET phase = 'delivered', attempts = attempts + 1, answered_at = ?2, body = NULL,"
            " answer = 'told in digest ' || (SELECT id FROM deliveries WHERE seq = ?1)"
            " WHERE digest = ?1 AND phase = 'pending'",
            (seq, at),
        )


def trim(db: sqlite3.Connection, history: int = HISTORY_LIMIT, refused: int = REFUSED_LIMIT) -> None:
    """Keep the newest of what is settled, and of the notifications what somebody still has to hear or may look up."""
    for phases, limit in (("'delivered', 'dropped'", history), ("'refused'", refused)):
        db.execute(
            f"DELETE FROM deliveries WHERE phase IN ({phases}) AND seq <="  # noqa: S608 - our own words
            f" (SELECT seq FROM deliveries WHERE phase IN ({phases}) ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            (limit,),
        )
    db.execute(
        "DELETE FROM notifications WHERE id NOT IN (SELECT id FROM deliveries)"
        " AND seq <= (SELECT seq FROM notifications ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        (history,),
    )
