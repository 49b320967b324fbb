"""The connection: one, behind one lock, with transactions, and with damage mended while at work."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from agent.store import put_back
from agent.store.connection import FILE, connect, translate_errors
from agent.store.damage import is_damage, replace
from agent.store.reserve import Reserve, give_up
from agent.store.rows import RoomMade

T = TypeVar("T")
Version = tuple[sqlite3.Connection, int, int]


def version(db: sqlite3.Connection) -> Version:
    """Return what is another one as soon as anybody has written to the database, by this connection or by another."""
    return db, db.total_changes, db.execute("PRAGMA data_version").fetchone()[0]


class Database:
    """Safe to use from any thread; every method raises StoreError when the file cannot be read or written."""

    def __init__(self, db: sqlite3.Connection, directory: Path, lock_file: int | None = None) -> None:
        # One connection and one lock, not a connection a thread: our threads never meet SQLITE_BUSY, which SQLite
        # answers by sleeping and polling, and one page cache is enough. Waiting for a commit costs milliseconds.
        self._db = db
        self._directory = directory
        self._lock = threading.Lock()
        self._lock_file = lock_file
        self._replaced = False
        self._reserve = Reserve(directory) if lock_file is not None else None
        self._look_at = time.monotonic() + put_back.LOOK_SECONDS

    def was_replaced(self) -> bool:
        """Tell, once, whether the file was damaged and begun anew since the last look."""
        replaced, self._replaced = self._replaced, False
        return replaced

    def close(self) -> None:
        with self._lock:
            self._db.close()
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return self.read(lambda db: db.execute(query, values).fetchall())

    def read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock, self._repair():
            return ask(self._db)

    @contextmanager
    def transaction(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, on the disk when this ends; `durable=False`: a power cut may lose it."""
        with self._lock, self._repair():
            self._put_back()
            # Before BEGIN, for within a transaction SQLite does not take it.
            # In WAL mode FULL syncs the log at each commit (with all that went before), NORMAL only at checkpoints.
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                if self._db.in_transaction:  # who works inside may have rolled back what came to nothing
                    self._db.execute("COMMIT")
                # After it: what is to be written comes before the room for another day.
                if self._reserve:
                    self._reserve.renew()
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _put_back(self) -> None:
        """Look now and then whether somebody removed the file: what is in it would be lost with this process."""
        if self._lock_file is not None and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + put_back.LOOK_SECONDS
            if put_back.is_gone(self._directory):
                self._db, self._lock_file = put_back.put_back(self._directory, self._db, self._lock_file)

    @contextmanager
    def _repair(self) -> Iterator[None]:
        """Say what SQLite says in words; an agent that finds its database damaged begins a new one at once."""
        with translate_errors():
            try:
                yield
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if is_damage(error) and self._lock_file is not None:
                    self._begin_anew(str(error))
                if self._reserve and give_up(self._directory, error):
                    raise RoomMade(str(error)) from error
                raise

    def _begin_anew(self, why: str) -> None:
        self._replaced = True
        self._db.close()
        try:
            replace(self._directory, why)
        finally:
            self._db = connect(self._directory / FILE)
            self._db.execute("PRAGMA journal_mode = WAL")
