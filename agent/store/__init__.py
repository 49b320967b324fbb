"""The one SQLite file: states, what checks remember, last results, and events from outbox to history."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from agent.model import Event, State
from agent.store.lock import holder, lock
from agent.store.rows import Backlog, Change, Holder, LastRun, Phase, StoredEvent, StoreError
from agent.store.schema import checked_version, migrate

__all__ = ["Backlog", "Change", "Holder", "LastRun", "Phase", "Store", "StoreError", "StoredEvent", "holder"]

FILE = "hostvigil.db"
HISTORY_LIMIT = 10_000
"""Delivered events kept for `hostvigil events`."""
TRIM_EVERY = 250

_COLUMNS = "seq, event_id, check_name, subject, status, created, body, phase, attempts, answer, answered_at"


class Store:
    """Safe to use from any thread; every method raises StoreError when the file cannot be read or written."""

    def __init__(self, db: sqlite3.Connection, lock_file: int | None = None) -> None:
        # One connection and one lock, not a connection a thread: our threads never meet SQLITE_BUSY, which SQLite
        # answers by sleeping and polling, and one page cache is enough. Waiting for a commit costs milliseconds.
        self._db = db
        self._lock = threading.Lock()
        self._lock_file = lock_file

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Take the directory for this agent alone; makes it, and brings its tables up to date."""
        with _explained(directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock_file = lock(directory)
            try:
                db = _connect(_private(directory / FILE))
                try:
                    db.execute("PRAGMA journal_mode = WAL")
                    migrate(db)
                except BaseException:
                    db.close()
                    raise
            except BaseException:
                os.close(lock_file)
                raise
        return cls(db, lock_file)

    @classmethod
    def read(cls, directory: Path) -> Store:
        """Look into a store that an agent may be working on, without changing anything."""
        store = cls.beside(directory)
        store._db.execute("PRAGMA query_only = ON")
        return store

    @classmethod
    def beside(cls, directory: Path) -> Store:
        """Work beside a running agent, without its lock: for single commands such as `retry_refused`."""
        with _explained(directory):
            if not (directory / FILE).exists():
                raise StoreError(f"{directory} holds no {FILE}: has the agent run with this state directory?")
            db = _connect(directory / FILE)
            try:
                if checked_version(db) == 0:
                    raise StoreError(f"{directory / FILE} is still empty: has the agent run?")
            except BaseException:
                db.close()
                raise
        return cls(db)

    def close(self) -> None:
        with self._lock:
            self._db.close()
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    # --- states -----------------------------------------------------------------------------------------------------

    def states(self) -> list[State]:
        return [msgspec.json.decode(row[0], type=State) for row in self._rows("SELECT state FROM states")]

    def memories(self) -> dict[str, dict[str, Any]]:
        """Return what checks remember, by check."""
        rows = self._rows("SELECT check_name, memory FROM memories")
        return {check: msgspec.json.decode(memory) for check, memory in rows}

    def last_runs(self) -> list[LastRun]:
        rows = self._rows("SELECT last_run FROM last_runs ORDER BY check_name, subject")
        return [msgspec.json.decode(row[0], type=LastRun) for row in rows]

    def record(self, changes: Sequence[Change], memories: Mapping[str, dict[str, Any]] | None = None) -> None:
        """Write new states and their events in one transaction; it is on the disk when this returns."""
        with self._transaction() as db:
            for change in changes:
                state = change.state
                db.execute(
                    "INSERT OR REPLACE INTO states VALUES (?, ?, ?)",
                    (_text(state.check), _text(state.subject), _json(state)),
                )
                if change.event is not None:
                    _append(db, change.event)
            _remember(db, memories or {})

    def note(self, runs: Sequence[LastRun], memories: Mapping[str, dict[str, Any]] | None = None) -> None:
        """Write what is nice to know, without waiting for the disk: a power cut may lose the last of it."""
        with self._transaction(durable=False) as db:
            db.executemany(
                "INSERT OR REPLACE INTO last_runs VALUES (?, ?, ?)",
                [(_text(run.check), _text(run.subject), _json(run)) for run in runs],
            )
            _remember(db, memories or {})

    def forget(self, check: str) -> None:
        """Drop what is believed and remembered of a check; its events stay."""
        with self._transaction() as db:
            for table in ("states", "memories", "last_runs"):
                db.execute(f"DELETE FROM {table} WHERE check_name = ?", (_text(check),))  # noqa: S608 - our own names

    # --- events -----------------------------------------------------------------------------------------------------

    def due(self) -> list[StoredEvent]:
        """Return the first pending event of every check, oldest first."""
        heads = "SELECT min(seq) FROM events WHERE phase = 'pending' GROUP BY check_name"
        return self._events(f"seq IN ({heads}) ORDER BY seq")

    def pending(self) -> list[StoredEvent]:
        """Return the outbox in the order of telling."""
        return self._events("phase = 'pending' ORDER BY seq")

    def refused_events(self) -> list[StoredEvent]:
        return self._events("phase = 'refused' ORDER BY seq")

    def history(self, limit: int = 100) -> list[StoredEvent]:
        """Return the latest events, whatever became of them, newest first."""
        return self._events("TRUE ORDER BY seq DESC LIMIT ?", (limit,))

    def backlog(self) -> Backlog:
        count, oldest = self._rows("SELECT count(*), ifnull(min(created), 0) FROM events WHERE phase = 'pending'")[0]
        refused = self._rows("SELECT count(*) FROM events WHERE phase = 'refused'")[0][0]
        return Backlog(count, oldest, refused)

    def delivered(self, seq: int, answer: str, at: int) -> None:
        """Take an event out of the outbox, into the history; `at` in Unix milliseconds."""
        self._settle(seq, Phase.DELIVERED, answer, at)
        if seq % TRIM_EVERY == 0:
            with self._transaction(durable=False) as db:
                db.execute("DELETE FROM events WHERE seq <= ? AND phase = 'delivered'", (seq - HISTORY_LIMIT,))

    def refused(self, seq: int, answer: str, at: int) -> None:
        """Set an event aside that the API will not take; `at` in Unix milliseconds."""
        self._settle(seq, Phase.REFUSED, answer, at)

    def tried(self, seq: int, answer: str, at: int) -> None:
        """Count a try that failed; `at` in Unix milliseconds."""
        self._settle(seq, Phase.PENDING, answer, at, durable=False)

    def retry_refused(self, event_id: str | None = None) -> int:
        """Put refused events, all or one, back into the outbox; return how many."""
        with self._transaction() as db:
            return db.execute(
                "UPDATE events SET phase = 'pending', attempts = 0"
                " WHERE phase = 'refused' AND (?1 IS NULL OR event_id = ?1)",
                (event_id,),
            ).rowcount

    def _settle(self, seq: int, phase: Phase, answer: str, at: int, durable: bool = True) -> None:
        with self._transaction(durable) as db:
            db.execute(
                "UPDATE events SET phase = ?, attempts = attempts + 1, answer = ?, answered_at = ? WHERE seq = ?",
                (phase, _text(answer), at, seq),
            )

    def _events(self, where: str, values: Sequence[Any] = ()) -> list[StoredEvent]:
        rows = self._rows(f"SELECT {_COLUMNS} FROM events WHERE {where}", values)  # noqa: S608 - our own texts only
        return [
            msgspec.convert(dict(zip(StoredEvent.__struct_fields__, row, strict=True)), StoredEvent) for row in rows
        ]

    # --- SQLite -----------------------------------------------------------------------------------------------------

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock, _explained():
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        with self._lock, _explained():
            # In WAL mode FULL syncs the log at each commit (with all that went before), NORMAL only at checkpoints.
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


@contextmanager
def _explained(directory: Path | None = None) -> Iterator[None]:
    where = f"{directory}: " if directory else ""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{where}{error}") from error
    except OSError as error:
        raise StoreError(f"{where}{error.strerror or error}") from error


def _private(file: Path) -> Path:
    """Make the file, for the owner only, before SQLite would: its -wal and -shm get the same mode."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    return file


def _connect(file: Path) -> sqlite3.Connection:
    # The time-out is for other processes (`hostvigil events retry`).
    db = sqlite3.connect(file, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA cache_size = -512")
        db.execute("PRAGMA journal_size_limit = 4194304")
        if sys.platform == "darwin":
            db.execute("PRAGMA fullfsync = ON")
    except BaseException:
        db.close()
        raise
    return db


def _append(db: sqlite3.Connection, event: Event) -> None:
    # The same event once more (its commit had failed half-way) is no second event.
    db.execute(
        "INSERT INTO events (event_id, check_name, subject, status, created, body) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (event_id) DO NOTHING",
        (
            event.event_id,
            _text(event.check),
            _text(event.subject),
            event.status,
            event.date,
            _json(event.body).encode(),
        ),
    )


def _remember(db: sqlite3.Connection, memories: Mapping[str, dict[str, Any]]) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO memories VALUES (?, ?)",
        [(_text(check), _json(memory)) for check, memory in memories.items()],
    )


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        # Half a character (a file name that is not UTF-8): msgspec refuses it, and so would SQLite.
        return _text(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
