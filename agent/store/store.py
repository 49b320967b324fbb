"""The writer's side of the store: states, what checks remember, last results, notifications and who is told."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.model import Destination, Notification, State
from agent.store import beliefs, deliveries, destinations, former, kept, notices
from agent.store.bounds import Bounds, Room
from agent.store.connection import FILE, connect, translate_errors
from agent.store.damage import open_whole
from agent.store.database import Database
from agent.store.encode import as_json, as_text, decode_rows
from agent.store.history import History
from agent.store.lock import lock
from agent.store.outbox import Outbox
from agent.store.reserve import give_up, give_up_at_start
from agent.store.rows import Change, KnownProblems, LastRun, StoreError, StoreNotice
from agent.store.schema import require_today

Selects = Callable[[Destination, Notification], bool]
"""Tells whether a destination wants a notification."""

DOUBT_MILLISECONDS = 7 * 86_400_000
"""So old may an end be that is told once more because nobody knows whether it was told."""


def wants_all(destination: Destination, notification: Notification) -> bool:
    return True


def _make_directory(directory: Path) -> None:
    """Make the state directory where it is missing."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise StoreError(f"{directory} is no directory: name another with --state") from None


def _open_database(directory: Path) -> sqlite3.Connection:
    """Open the database, on a full disk in the room that is kept for that."""
    give_up_at_start(directory)
    try:
        return open_whole(directory)
    except (sqlite3.OperationalError, OSError) as error:
        if not give_up(directory, error):
            raise
    return open_whole(directory)


class Store:
    """Safe to use from any thread; every method raises StoreError when the file cannot be read or written."""

    def __init__(self, db: Database, bounds: Bounds | None = None, selects: Selects = wants_all) -> None:
        self._db = db
        self._room = Room(bounds or Bounds())
        self._selects = selects
        self._targets: tuple[Destination, ...] = ()
        self.history = History(db)

    @classmethod
    def open(cls, directory: Path, bounds: Bounds | None = None, selects: Selects = wants_all) -> Store:
        """Take the directory for this agent alone; makes it, and brings its tables up to date.

        A damaged database is set aside and a new one begun; a notice says so.
        """
        with translate_errors(directory):
            _make_directory(directory)
            lock_file = lock(directory)
            try:
                db = _open_database(directory)
            except BaseException:
                os.close(lock_file)
                raise
        return cls(Database(db, directory, lock_file), bounds, selects)

    @classmethod
    def read(cls, directory: Path) -> Store:
        """Look into a store that an agent may be working on, without changing anything."""
        store = cls.beside(directory)
        store._db.rows("PRAGMA query_only = ON")
        return store

    @classmethod
    def beside(cls, directory: Path) -> Store:
        """Work beside a running agent, without its lock: for single commands such as `retry`."""
        with translate_errors(directory):
            if directory.exists() and not directory.is_dir():
                raise StoreError(f"{directory} is no directory: name another with --state")
            if not (directory / FILE).exists():
                raise StoreError(f"{directory} holds no {FILE}: has the agent run with this state directory?")
            if not os.access(directory / FILE, os.R_OK | os.W_OK):
                raise StoreError(f"{directory / FILE} is only for root and the user that the agent runs as")
            db = connect(directory / FILE)
            try:
                require_today(db)
            except BaseException:
                db.close()
                raise
        return cls(Database(db, directory))

    def set_bounds(self, bounds: Bounds) -> None:
        """Let this much wait for each destination from now on."""
        self._room.set_bounds(bounds)

    def outbox(self, destination: str) -> Outbox:
        return Outbox(self._db, destination)

    def close(self) -> None:
        self._db.close()

    # --- states -----------------------------------------------------------------------------------------------------

    def states(self) -> list[State]:
        """Return what is believed of every subject."""
        return self._db.read(beliefs.read_states)

    def memories(self) -> dict[str, dict[str, Any]]:
        """Return what checks remember, by check."""
        rows = self._db.rows("SELECT check_name, memory FROM memories")
        return {row[0]: memory for row in rows for memory in decode_rows([row], dict[str, Any])}

    def last_ran(self) -> dict[str, int]:
        """Return when each check had its last result, in Unix milliseconds; 0: of late it had none."""
        return {run.check: 0 if run.is_no_run else run.at for run in sorted(self.last_runs(), key=lambda run: run.at)}

    def last_runs(self) -> list[LastRun]:
        rows = self._db.rows("SELECT check_name, last_run FROM last_runs ORDER BY check_name, subject")
        return list(decode_rows(rows, LastRun))

    def record(
        self,
        changes: Sequence[Change],
        memories: Mapping[str, dict[str, Any]] | None = None,
        forgotten: Iterable[tuple[str, str | None]] = (),
    ) -> None:
        """Write new states and their notifications in one transaction; it is on the disk when this returns.

        What was believed and remembered of the `forgotten` is dropped before, of a check or of one subject of it;
        their notifications stay.
        """
        states = [change.state for change in changes if not change.last]
        notifications = [change.notification for change in changes if change.notification]
        with self._db.transaction() as db:
            beliefs.forget(db, forgotten)
            beliefs.believe(db, states)
            if notifications:
                self._room.add(db, self._append(db, notifications))
            beliefs.remember(db, memories or {})

    def _append(self, db: sqlite3.Connection, notifications: Sequence[Notification]) -> list[int]:
        everybody = destinations.in_force(db)
        if not everybody and self._targets:
            # The database was damaged and begun anew while we were at work.
            destinations.adopt(db, self._targets)
            kept.remember(db, kept.FORGOT, kept.ENDS)
            everybody = list(self._targets)
        return [deliveries.append(db, one, self._whom(db, everybody, one)) for one in notifications]

    def _whom(self, db: sqlite3.Connection, everybody: Sequence[Destination], notification: Notification) -> list[str]:
        """Return who is told: who asks for it, and who heard of a problem that ends with it."""
        return [
            to.name
            for to in everybody
            if self._selects(to, notification) or deliveries.ends_for(db, to.name, notification)
        ]

    def note(self, runs: Sequence[LastRun], memories: Mapping[str, dict[str, Any]] | None = None) -> None:
        """Write what is nice to know, without waiting for the disk: a power cut may lose the last of it."""
        with self._db.transaction(durable=False) as db:
            db.executemany(
                "INSERT OR REPLACE INTO last_runs VALUES (?, ?, ?)",
                [(as_text(run.check), as_text(run.subject), as_json(run)) for run in runs],
            )
            beliefs.remember(db, memories or {})

    # --- notifications ----------------------------------------------------------------------------------------------

    def append(self, notification: Notification, notice: StoreNotice | None = None) -> None:
        """Store a notification that is about no state; with it, note that a notice of the store is told."""
        with self._db.transaction() as db:
            if notice is None or notices.mark_told(db, notice):
                self._room.add(db, self._append(db, [notification]))

    def retry(self, notification_id: str | None = None, destination: str | None = None) -> int:
        """Put refused deliveries, all or one, back into the outbox; return how many."""
        with self._db.transaction() as db:
            return db.execute(
                "UPDATE deliveries SET phase = 'pending', attempts = 0, handed_at = 0 WHERE phase = 'refused'"
                " AND (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR destination = ?2)",
                (notification_id, destination),
            ).rowcount

    # --- destinations -----------------------------------------------------------------------------------------------

    def adopt(
        self,
        targets: Sequence[Destination],
        removed: Sequence[str],
        at: int,
        standing: Callable[[Destination, KnownProblems], Sequence[Notification]],
    ) -> dict[str, int]:
        """Have these be told from now on; return how many deliveries ended with each that was removed.

        `standing` returns the problems that stand and a destination does not know of, by what it knows. All in one
        transaction: however often it is repeated, each is told once. `at` in Unix milliseconds.
        """
        with self._db.transaction() as db:
            counts = {name: destinations.remove(db, name, at) for name in removed}
            destinations.adopt(db, targets, at)
            if kept.recall(db, kept.FORGOT) == kept.ALL:
                self._tell_last_ends(db, targets, at)
            kept.remember(db, kept.FORGOT, "")
            for one in targets:
                problems = standing(one, destinations.open_problems(db, one.name))
                self._room.add(db, [deliveries.append(db, each, [one.name]) for each in problems])
        self._targets = tuple(targets)
        return counts

    def _tell_last_ends(self, db: sqlite3.Connection, targets: Sequence[Destination], at: int) -> None:
        """Have the end of each subject's last problem told once more: what was to be told got lost."""
        for one in targets:
            ends = [end for end in former.last_ends(db, one.name, at - DOUBT_MILLISECONDS) if self._selects(one, end)]
            self._room.add(db, [deliveries.append(db, end, [one.name]) for end in ends])

    def was_replaced(self) -> bool:
        """Tell, once, whether the database was damaged and begun anew since the last look."""
        return self._db.was_replaced()

    def forget_told(self, destination: str, at: int) -> None:
        """The destination forgot what it was told, but for what waits: the next `adopt` tells it what stands.

        `at` in Unix milliseconds.
        """
        with self._db.transaction() as db:
            destinations.forget(db, destination, at)

    def ever_configured(self, but: str) -> bool:
        """Tell whether there ever was a destination, beside the one called `but`."""
        return self._db.read(lambda db: destinations.ever_configured(db, but))

    def keep_fact(self, name: str, value: str) -> None:
        """Keep a fact over restarts, such as what the host was called."""
        with self._db.transaction() as db:
            kept.remember(db, name, value)
