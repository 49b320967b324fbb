"""The read side of notifications and deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.model import Destination
from agent.store import destinations, kept
from agent.store.database import Database
from agent.store.rows import Backlog, Delivery, Phase, Progress

_COLUMNS = (
    "deliveries.seq, destination, deliveries.id, deliveries.check_name, deliveries.subject, deliveries.status,"
    " deliveries.created, title, CAST(body AS BLOB), phase, attempts, answer, answered_at, members, digest,"
    " CAST(facts AS BLOB)"
)


class History:
    """What was, is and will be told, and to whom. Safe to use from any thread; may raise StoreError."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def destinations(self) -> list[Destination]:
        """Return who is told now."""
        return self._db.read(destinations.in_force)

    def pending(self, destination: str | None = None) -> list[Delivery]:
        """Return the outbox, of all or of one destination, in the order of happening."""
        return self.deliveries("phase = 'pending'" + _OF + " ORDER BY deliveries.seq", (destination,))

    def refusals(self, destination: str | None = None) -> list[Delivery]:
        return self.deliveries("phase = 'refused'" + _OF + " ORDER BY deliveries.seq", (destination,))

    def latest(self, limit: int = 100, destination: str | None = None) -> list[Delivery]:
        """Return the latest deliveries, whatever became of them, newest first."""
        return self.deliveries("TRUE" + _OF + " ORDER BY deliveries.seq DESC LIMIT ?2", (destination, limit))

    def of_check(self, check: str, limit: int = 100) -> list[Delivery]:
        """Return the latest deliveries about one check, newest first."""
        return self.deliveries("deliveries.check_name = ? ORDER BY deliveries.seq DESC LIMIT ?", (check, limit))

    def backlog(self) -> dict[str, Backlog]:
        """Return the backlog of each destination. Each one in force has an entry."""
        rows = self._db.rows(
            "SELECT name, ifnull(sum(phase = 'pending' AND members = 0), 0),"
            " ifnull(min(created) FILTER (WHERE phase = 'pending' AND members = 0), 0),"
            " ifnull(sum(phase = 'refused'), 0)"
            " FROM (SELECT name FROM destinations WHERE removed_at = 0"
            "       UNION SELECT destination FROM deliveries WHERE phase IN ('pending', 'refused')) AS names"
            " LEFT JOIN deliveries ON destination = name AND phase IN ('pending', 'refused')"
            " GROUP BY name ORDER BY name"
        )
        return {name: Backlog(count, oldest, refused) for name, count, oldest, refused in rows}

    def progress(self) -> dict[str, Progress]:
        """Return how delivery goes, by destination; those that nothing was ever tried for are left out."""
        latest = dict(
            self._db.rows(
                "SELECT destination, max(answered_at) FROM deliveries WHERE phase = 'delivered' GROUP BY destination"
            )
        )
        # Of the row with the greatest answered_at: SQLite takes the bare columns from there.
        rows = self._db.rows(
            "SELECT destination, answer, max(answered_at) FROM deliveries"
            # What a broker has, and for the first time, is on its way.
            " WHERE phase = 'pending' AND attempts > (handed_at > 0) GROUP BY destination"
        )
        troubles = {name: answer for name, answer, _ in rows}
        return {name: Progress(latest.get(name, 0), troubles.get(name, "")) for name in {**latest, **troubles}}

    def recall(self, name: str) -> str:
        """Return a fact that was kept over restarts; empty when there is none."""
        return self._db.read(lambda db: kept.recall(db, name))

    def deliveries(self, where: str, values: Sequence[Any] = ()) -> list[Delivery]:
        """Return those that a condition in SQL, and what comes after it, selects."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM deliveries LEFT JOIN notifications USING (id) WHERE {where}",  # noqa: S608 - our own texts only
            values,
        )
        # Not validated: an odd row, after a flipped bit, is better told oddly than holding up all others.
        records = [dict(zip(Delivery.__struct_fields__, row, strict=True)) for row in rows]
        return [Delivery(**row | {"phase": Phase(row["phase"])}) for row in records]


_OF = " AND (?1 IS NULL OR destination = ?1)"
