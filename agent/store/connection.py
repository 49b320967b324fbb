"""Opening the one file, and saying in words what SQLite and the system say against it."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.store.rows import StoreError

FILE = "hostvigil.db"


@contextmanager
def translate_errors(directory: Path | None = None) -> Iterator[None]:
    """Turn what SQLite and the system raise into a StoreError."""
    where = f"{directory}: " if directory else ""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise StoreError(f"{where}{error}") from error
    except OSError as error:
        raise StoreError(f"{where}{error.strerror or error}") from error


def private(file: Path) -> Path:
    """Make the file, for the owner only, before SQLite would: its -wal and -shm get the same mode."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    return file


def connect(file: Path) -> sqlite3.Connection:
    """Open a database for several threads; who writes to it meanwhile is waited for, 5 s at the most."""
    # The time-out is for other processes (`hostvigil events retry`).
    db = sqlite3.connect(file, timeout=5, isolation_level=None, check_same_thread=False)
    # A flipped bit in a text must not hold up all the other rows.
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    try:
        # In KiB, a quarter of what SQLite takes: few rows are at work at a time.
        db.execute("PRAGMA cache_size = -512")
        # A log that grew in a storm is cut to what the reserve has room for.
        db.execute("PRAGMA journal_size_limit = 4194304")
        if sys.platform == "darwin":
            # There fsync(2) leaves it in the cache of the drive.
            db.execute("PRAGMA fullfsync = ON")
    except BaseException:
        db.close()
        raise
    return db
