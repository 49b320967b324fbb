"""What waits for one destination, as its emitter sees it."""

from __future__ import annotations

import sqlite3

import msgspec

from agent.model import Notification
from agent.store import deliveries, destinations, notices
from agent.store.database import Database, Version, version
from agent.store.handed import Handovers
from agent.store.history import History
from agent.store.rows import Bundle, Delivery, Due, Phase, StoreError, StoreNotice

TRIM_EVERY = 250
"""Settled deliveries; to trim after each would cost as much as to settle it."""


class Outbox:
    """One destination's part of the store; its emitter's thread uses it. Every method may raise StoreError."""

    def __init__(self, db: Database, destination: str) -> None:
        self._db = db
        self.destination = destination
        self.handovers = Handovers(db, destination)
        self._history = History(db)
        self._due: list[Due] = []
        self._due_as_of: Version | None = None
        """The database that it was read from; None: it is to be read anew."""
        self._due_is_cut = False
        self._identity = db.read(lambda db: destinations.identity(db, destination))
        self._settled_since_trim = 0

    def due(self) -> list[Due]:
        """Return what may be told next, the most urgent first: the first delivery of every subject, and digests.

        To look at all that waits takes 10 ms where 10,000 do, so that is done where anything but our own has changed.
        """
        return self._db.read(self._read_due)

    def _read_due(self, db: sqlite3.Connection) -> list[Due]:
        runs_out = self._due_is_cut and len(self._due) <= deliveries.DUE_LIMIT // 2
        if runs_out or self._due_as_of != version(db):
            self._due, self._due_as_of = deliveries.due(db, self.destination), version(db)
            self._due_is_cut = len(self._due) == deliveries.DUE_LIMIT
        return self._due

    def delivery(self, seq: int) -> Delivery:
        """Return one that is due; StoreError where it is gone (a reload ended its destination)."""
        matches = self._history.deliveries("deliveries.seq = ?", (seq,))
        if not matches:
            raise StoreError(f"delivery {seq} is gone")
        return matches[0]

    def waiting(self, check: str, subject: str, limit: int) -> list[Delivery]:
        """Return what of a subject is still to be told, in its order; nothing while a digest is to tell some of it."""
        matches = self._history.deliveries(
            "destination = ? AND phase = 'pending' AND members = 0 AND deliveries.check_name = ?"
            " AND deliveries.subject = ? ORDER BY deliveries.seq LIMIT ?",
            (self.destination, check, subject, limit),
        )
        return [] if any(one.digest for one in matches) else matches

    def keep_bytes(self, seq: int, body: bytes) -> None:
        """Keep what is sent before it is sent the first time: every try sends the same."""
        with self._db.transaction(durable=False) as db:
            is_current = self._due_as_of == version(db)
            if self._is_meant(db):
                db.execute("UPDATE deliveries SET body = ? WHERE seq = ? AND body IS NULL", (body, seq))
            after = version(db)
        self._due_as_of = after if is_current else None

    def bundle(self, digest: Bundle) -> bool:
        """Have a digest tell its members; False when not all of them are waiting any more."""
        with self._db.transaction() as db:
            seq = deliveries.bundle(db, self.destination, digest)
            whole = self._is_meant(db) and deliveries.take_into(db, seq, digest.members)
            if not whole:
                db.execute("ROLLBACK")
        return whole

    def unbundle(self, seq: int) -> None:
        """Take a digest out of the outbox: what it was to tell waits again, each for itself."""
        with self._db.transaction() as db:
            deliveries.unbundle(db, seq)

    def mark_delivered(self, seq: int, answer: str, at: int) -> None:
        """Take a delivery, and what it tells of others, into the history; `at` in Unix milliseconds."""
        self._settle(seq, Phase.DELIVERED, answer, at)

    def mark_refused(self, seq: int, answer: str, at: int) -> None:
        """Set a delivery aside that the destination will not take; `at` in Unix milliseconds."""
        self._settle(seq, Phase.REFUSED, answer, at)

    def count_try(self, seq: int, answer: str, at: int) -> None:
        """Count a try that failed; `at` in Unix milliseconds."""
        self._write_down(seq, Phase.PENDING, answer, at)

    def notices(self) -> list[StoreNotice]:
        """Return what the store has to say of itself: damage, and changes that the bounds cost this destination."""
        own_ending = f":{self.destination}"
        return [
            one for one in self._db.read(notices.untold_notices) if ":" not in one.name or one.name.endswith(own_ending)
        ]

    def _settle(self, seq: int, phase: Phase, answer: str, at: int) -> None:
        self._write_down(seq, phase, answer, at)
        self._settled_since_trim += 1
        if self._settled_since_trim >= TRIM_EVERY:
            with self._db.transaction(durable=False) as db:
                deliveries.trim(db)
            self._settled_since_trim = 0

    def _write_down(self, seq: int, phase: Phase, answer: str, at: int) -> None:
        due: list[Due] | None = None
        with self._db.transaction(durable=phase is not Phase.PENDING) as db:
            if self._is_meant(db):
                due = self._due_without(seq, phase) if self._due_as_of == version(db) else None
                deliveries.settle(db, seq, phase, answer, at)
            after = version(db)
        self._due, self._due_as_of = (self._due, None) if due is None else (due, after)

    def _due_without(self, seq: int, phase: Phase) -> list[Due] | None:
        """Return what is due when a delivery is settled; None where others may be due by that."""
        rest = [one for one in self._due if one.seq != seq or one.changes > 1 or one.members]
        return rest if len(rest) < len(self._due) and phase is not Phase.PENDING else None

    def _is_meant(self, db: sqlite3.Connection) -> bool:
        """Tell whether the name still means this destination: a late answer of the old one is none of the new one."""
        return destinations.identity(db, self.destination) == self._identity


def notification(delivery: Delivery) -> Notification | None:
    """Return the facts of a delivery; None where there are none: a digest, or what an older hostvigil had worded."""
    if delivery.facts is None:
        return None
    try:
        return msgspec.json.decode(delivery.facts, type=Notification)
    except (msgspec.MsgspecError, ValueError):
        return None
