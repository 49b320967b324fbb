"""What was handed over to a broker and is not receipted yet: such a delivery still waits, but not to be sent."""

from __future__ import annotations

from collections.abc import Sequence

from agent.store import deliveries, kept
from agent.store.database import Database
from agent.store.encode import as_text
from agent.store.rows import Phase

_HANDED = "handed over, not told yet"
_WAITING = "FROM deliveries WHERE destination = ?1 AND phase = 'pending' AND members = 0"
_SEQ = f"SELECT seq {_WAITING} AND id = ?2"
_COUNT = f"SELECT count(*) {_WAITING} AND handed_at > 0"
_BEFORE = f"SELECT id {_WAITING} AND seq < ?2 AND check_name = ?3 AND subject = ?4 ORDER BY seq DESC LIMIT 1"
_ALL = """UPDATE deliveries SET handed_at = 0
    WHERE destination = ?1 AND phase = 'pending' AND members = 0 AND handed_at > 0"""
# Each time it is handed over in vain it waits twice as long for the next, up to sixteen times; a clock that was set
# back makes nothing wait.
_LATE = f"{_ALL} AND (handed_at + ?2 * (1 << min(max(attempts - 1, 0), 4)) <= ?3 OR handed_at > ?3)"


class Handovers:
    """One destination's; its emitter's thread uses it. Times are Unix milliseconds. Methods may raise StoreError."""

    def __init__(self, db: Database, destination: str) -> None:
        self._db = db
        self._destination = destination

    def mark(self, seqs: Sequence[int], at: int) -> None:
        """The broker has taken these."""
        with self._db.transaction() as db:
            db.executemany(
                # A try that reached no broker is not one of those after which it waits longer.
                "UPDATE deliveries SET handed_at = ?1, attempts = attempts + (attempts = 0 OR answer = ?3),"
                " answer = ?3, answered_at = ?1 WHERE seq = ?2 AND phase = 'pending'",
                [(at, seq, _HANDED) for seq in seqs],
            )

    def note_failure(self, seq: int, why: str, at: int) -> None:
        """The broker could not be used: people are to see why this one waits."""
        with self._db.transaction(durable=False) as db:
            db.execute(
                "UPDATE deliveries SET attempts = max(attempts, 1), answer = ?, answered_at = ?"
                " WHERE seq = ? AND phase = 'pending'",
                (as_text(why), at, seq),
            )

    def settle(self, notification_id: str, phase: Phase, answer: str, at: int) -> bool:
        """Write down a receipt; False where nothing waited for it."""
        with self._db.transaction() as db:
            row = db.execute(_SEQ, self._with(notification_id)).fetchone()
            if row:
                deliveries.settle(db, row[0], phase, answer, at)
                db.execute("UPDATE deliveries SET handed_at = 0 WHERE seq = ?", row)
        return bool(row)

    def count(self) -> int:
        """Return how many wait for their receipt."""
        return int(self._db.rows(_COUNT, self._with())[0][0])

    def hand_again(self, after: float, now: int) -> int:
        """Have those without a receipt for so many seconds handed over again; return how many."""
        return self._again(_LATE, int(after * 1000), now)

    def broker_is(self, identity: str) -> int:
        """Take note of the broker's memory; where it is a new one, all is handed over again. Returns how many."""
        with self._db.transaction() as db:
            name = f"broker of {self._destination}"
            before = kept.recall(db, name)
            kept.remember(db, name, identity)
        return self._again(_ALL) if before != identity else 0

    def before(self, seq: int, check: str, subject: str) -> str:
        """Return the id of the last one of a subject before this that is not receipted; empty where there is none."""
        rows = self._db.rows(_BEFORE, self._with(seq, check, subject))
        return str(rows[0][0]) if rows else ""

    def _again(self, update: str, *values: object) -> int:
        with self._db.transaction(durable=False) as db:
            return db.execute(update, self._with(*values)).rowcount

    def _with(self, *values: object) -> tuple[object, ...]:
        return (self._destination, *values)
