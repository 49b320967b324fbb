"""The one SQLite file: states, what checks remember, last results, and events from outbox to history."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from agent.model import Event, State
from agent.store import beliefs, outbox
from agent.store.bounds import LOST, SUPERSEDED, Bounds
from agent.store.connection import FILE, connect, explained
from agent.store.damage import DAMAGED, is_damage, open_whole, replace
from agent.store.encode import as_json, as_text, decoded
from agent.store.lock import holder, lock
from agent.store.rows import Backlog, Change, Due, Holder, LastRun, Phase, StoredEvent, StoreError, StoreNotice
from agent.store.schema import require_today

__all__ = [
    "DAMAGED",
    "LOST",
    "SUPERSEDED",
    "Backlog",
    "Change",
    "Due",
    "Holder",
    "LastRun",
    "Phase",
    "Store",
    "StoreError",
    "StoreNotice",
    "StoredEvent",
    "holder",
]

T = TypeVar("T")

TRIM_EVERY = 250
MOST_EVENTS = 100_000
MOST_BYTES = 256 * 1024**2

_COLUMNS = (
    "seq, event_id, check_name, subject, status, created, CAST(body AS BLOB), phase, attempts, answer, answered_at,"
    " members, digest"
)


class Store:
    """Safe to use from any thread; every method raises StoreError when the file cannot be read or written."""

    def __init__(
        self,
        db: sqlite3.Connection,
        directory: Path,
        lock_file: int | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        # One connection and one lock, not a connection a thread: our threads never meet SQLITE_BUSY, which SQLite
        # answers by sleeping and polling, and one page cache is enough. Waiting for a commit costs milliseconds.
        self._db = db
        self._directory = directory
        self._lock = threading.Lock()
        self._lock_file = lock_file
        self._bounds = bounds or Bounds(MOST_EVENTS, MOST_BYTES)
        self._untrimmed = 0

    @classmethod
    def open(cls, directory: Path, most_events: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> Store:
        """Take the directory for this agent alone; makes it, and brings its tables up to date.

        A damaged database is set aside and a new one begun; `untold` says so.
        """
        with explained(directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock_file = lock(directory)
            try:
                db = open_whole(directory)
            except BaseException:
                os.close(lock_file)
                raise
        return cls(db, directory, lock_file, Bounds(most_events, most_bytes))

    @classmethod
    def read(cls, directory: Path) -> Store:
        """Look into a store that an agent may be working on, without changing anything."""
        store = cls.beside(directory)
        store._db.execute("PRAGMA query_only = ON")
        return store

    @classmethod
    def beside(cls, directory: Path) -> Store:
        """Work beside a running agent, without its lock: for single commands such as `retry_refused`."""
        with explained(directory):
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
        return cls(db, directory)

    def bound(self, most_events: int, most_bytes: int) -> None:
        """Let this much wait in the outbox from now on."""
        self._bounds = Bounds(most_events, most_bytes)

    def close(self) -> None:
        with self._lock:
            self._db.close()
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    # --- states -----------------------------------------------------------------------------------------------------

    def states(self) -> list[State]:
        return list(decoded(self._rows("SELECT check_name, state FROM states"), State))

    def memories(self) -> dict[str, dict[str, Any]]:
        """Return what checks remember, by check."""
        rows = self._rows("SELECT check_name, memory FROM memories")
        return {row[0]: memory for row in rows for memory in decoded([row], dict[str, Any])}

    def last_runs(self) -> list[LastRun]:
        rows = self._rows("SELECT check_name, last_run FROM last_runs ORDER BY check_name, subject")
        return list(decoded(rows, LastRun))

    def record(
        self,
        changes: Sequence[Change],
        memories: Mapping[str, dict[str, Any]] | None = None,
        forgotten: Iterable[tuple[str, str | None]] = (),
    ) -> None:
        """Write new states and their events in one transaction; it is on the disk when this returns.

        What was believed and remembered of the `forgotten` is dropped before, of a check or of one subject of it;
        their events stay.
        """
        states = [change.state for change in changes if not change.last]
        with self._transaction() as db:
            beliefs.forget(db, forgotten)
            beliefs.believe(db, states)
            self._bounds.appended(db, [outbox.append(db, change.event) for change in changes if change.event])
            beliefs.remember(db, memories or {})

    def note(self, runs: Sequence[LastRun], memories: Mapping[str, dict[str, Any]] | None = None) -> None:
        """Write what is nice to know, without waiting for the disk: a power cut may lose the last of it."""
        with self._transaction(durable=False) as db:
            db.executemany(
                "INSERT OR REPLACE INTO last_runs VALUES (?, ?, ?)",
                [(as_text(run.check), as_text(run.subject), as_json(run)) for run in runs],
            )
            beliefs.remember(db, memories or {})

    # --- events -----------------------------------------------------------------------------------------------------

    def append(self, event: Event, said: StoreNotice | None = None) -> None:
        """Put an event that is about no state into the outbox, and take note that with it a remark is told."""
        with self._transaction() as db:
            self._bounds.appended(db, [outbox.append(db, event)])
            if said:
                outbox.told(db, said)

    def untold(self) -> list[StoreNotice]:
        """Return what the store has to say of itself: damage, and changes that the bounds cost."""
        return self._read(outbox.untold)

    def due(self) -> list[Due]:
        """Return what may be told next, the most urgent first: the first event of every subject, and digests."""
        return self._read(outbox.due)

    def event(self, seq: int) -> StoredEvent:
        return self._events("seq = ?", (seq,))[0]

    def waiting(self, check: str, subject: str, limit: int) -> list[StoredEvent]:
        """Return what of a subject is still to be told, in its order; nothing while a digest is to tell some of it."""
        found = self._events(
            "phase = 'pending' AND members = 0 AND check_name = ? AND subject = ? ORDER BY seq LIMIT ?",
            (check, subject, limit),
        )
        return [] if any(event.digest for event in found) else found

    def gather(self, digest: Event, members: Sequence[int]) -> bool:
        """Have a digest tell these events, by their seq; False when not all of them are waiting any more."""
        with self._transaction() as db:
            whole = outbox.gather(db, digest, members)
            if not whole:
                db.execute("ROLLBACK")
        return whole

    def dissolve(self, seq: int) -> None:
        """Take a digest out of the outbox: its events wait again, each for itself."""
        with self._transaction() as db:
            outbox.dissolve(db, seq)

    def pending(self) -> list[StoredEvent]:
        """Return the outbox in the order of happening."""
        return self._events("phase = 'pending' ORDER BY seq")

    def refused_events(self) -> list[StoredEvent]:
        return self._events("phase = 'refused' ORDER BY seq")

    def history(self, limit: int = 100) -> list[StoredEvent]:
        """Return the latest events, whatever became of them, newest first."""
        return self._events("TRUE ORDER BY seq DESC LIMIT ?", (limit,))

    def backlog(self) -> Backlog:
        pending = "SELECT count(*), ifnull(min(created), 0) FROM events WHERE phase = 'pending' AND members = 0"
        count, oldest = self._rows(pending)[0]
        refused = self._rows("SELECT count(*) FROM events WHERE phase = 'refused'")[0][0]
        return Backlog(count, oldest, refused)

    def delivered(self, seq: int, answer: str, at: int) -> None:
        """Take an event, and what it tells of others, out of the outbox into the history; `at` in Unix milliseconds."""
        self._settle(seq, Phase.DELIVERED, answer, at)

    def refused(self, seq: int, answer: str, at: int) -> None:
        """Set an event aside that the API will not take; `at` in Unix milliseconds."""
        self._settle(seq, Phase.REFUSED, answer, at)

    def tried(self, seq: int, answer: str, at: int) -> None:
        """Count a try that failed; `at` in Unix milliseconds."""
        with self._transaction(durable=False) as db:
            outbox.settle(db, seq, Phase.PENDING, answer, at)

    def retry_refused(self, event_id: str | None = None) -> int:
        """Put refused events, all or one, back into the outbox; return how many."""
        with self._transaction() as db:
            return db.execute(
                "UPDATE events SET phase = 'pending', attempts = 0"
                " WHERE phase = 'refused' AND (?1 IS NULL OR event_id = ?1)",
                (event_id,),
            ).rowcount

    def _settle(self, seq: int, phase: Phase, answer: str, at: int) -> None:
        with self._transaction() as db:
            outbox.settle(db, seq, phase, answer, at)
        self._untrimmed += 1
        if self._untrimmed >= TRIM_EVERY:
            with self._transaction(durable=False) as db:
                outbox.trim(db, Phase.DELIVERED, outbox.HISTORY_LIMIT)
                outbox.trim(db, Phase.REFUSED, outbox.REFUSED_LIMIT)
            self._untrimmed = 0

    def _events(self, where: str, values: Sequence[Any] = ()) -> list[StoredEvent]:
        rows = self._rows(f"SELECT {_COLUMNS} FROM events WHERE {where}", values)  # noqa: S608 - our own texts only
        # Not validated: an odd row, after a flipped bit, is better told oddly than holding up all others.
        named = [dict(zip(StoredEvent.__struct_fields__, row, strict=True)) for row in rows]
        return [StoredEvent(**row | {"phase": Phase(row["phase"])}) for row in named]

    # --- SQLite -----------------------------------------------------------------------------------------------------

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._read(lambda db: db.execute(query, values).fetchall())

    def _read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock, self._mended():
            return ask(self._db)

    @contextmanager
    def _transaction(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        with self._lock, self._mended():
            # In WAL mode FULL syncs the log at each commit (with all that went before), NORMAL only at checkpoints.
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                if self._db.in_transaction:
                    self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _mended(self) -> Iterator[None]:
        """Say what SQLite says in words; an agent that finds its database damaged begins a new one at once."""
        with explained():
            try:
                yield
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if is_damage(error) and self._lock_file is not None:
                    self._begin_anew(str(error))
                raise

    def _begin_anew(self, why: str) -> None:
        self._db.close()
        try:
            replace(self._directory, why)
        finally:
            self._db = connect(self._directory / FILE)
            self._db.execute("PRAGMA journal_mode = WAL")
