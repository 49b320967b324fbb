"""A database whose file was removed under a running agent: what it holds is put back before the process ends."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path

from agent.store.connection import FILE, connect, private
from agent.store.lock import LOCK, lock

log = logging.getLogger("hostvigil.store")

LOOK_SECONDS = 30.0
"""Between looks: what is written meanwhile is in the file that is still open."""
BACK = "hostvigil.db.back"
"""The copy in the making; it gets its name when it is whole."""


def is_gone(directory: Path) -> bool:
    return not os.path.lexists(directory / FILE)


def put_back(directory: Path, db: sqlite3.Connection, lock_file: int) -> tuple[sqlite3.Connection, int]:
    """Write all that the connection sees into a new file, and return the connection to it and the lock's file.

    The old ones are closed. OSError, StoreError or sqlite3.Error where that cannot be done; then they are not.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    new_lock = lock_file if _is_ours(directory / LOCK, lock_file) else lock(directory)
    try:
        for suffix in ("-wal", "-shm"):  # of what was removed: SQLite would play them into the new one
            (directory / (FILE + suffix)).unlink(missing_ok=True)
        (directory / BACK).unlink(missing_ok=True)
        db.execute("VACUUM INTO ?", (str(private(directory / BACK)),))
        (directory / BACK).rename(directory / FILE)
        fresh = connect(directory / FILE)
        fresh.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        if new_lock != lock_file:
            os.close(new_lock)
        raise
    db.close()
    if new_lock != lock_file:
        os.close(lock_file)
    log.error("%s was removed while the agent works: it is put back; restart the agent for the rest", directory / FILE)
    return fresh, new_lock


def _is_ours(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(file))
    except FileNotFoundError:
        return False
