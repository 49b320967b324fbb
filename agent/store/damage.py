"""A damaged database: recognised, set aside with its date, and what can still be read of it carried over."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import time
from pathlib import Path

from agent.store.connection import FILE, connect, private
from agent.store.notices import notice
from agent.store.salvage import salvage
from agent.store.schema import migrate, read_version, wrong_part

log = logging.getLogger("hostvigil.store")

NEW = "hostvigil.db.new"
"""What takes the place of a damaged database: alone, without one beside it, it is whole and only lacks its name."""
FIRST = "hostvigil.db.first"
"""The very first database in the making: killed half-way, it is begun again."""
KEPT = 3
"""Damaged databases kept for somebody to look at."""
DAMAGED = "damaged"
ODD_FORMAT = "unsupported file format"
"""What SQLite says of a damaged byte in its header; its code is the one of wrong SQL."""


class DamagedError(Exception):
    """The file is no database of ours any more. Its text says why."""


def is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault, not the disk's space, its rights or our SQL."""
    if isinstance(error, sqlite3.DatabaseError):
        # The low byte of an extended code is the code proper.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or str(error) == ODD_FORMAT
    # SQLite quotes a damaged schema in its message, which then is not UTF-8.
    return isinstance(error, DamagedError | UnicodeDecodeError)


def open_whole(directory: Path) -> sqlite3.Connection:
    """Open the database with today's tables; begin anew where there is none, or none that can be used."""
    try:
        return _open(directory)
    except (sqlite3.DatabaseError, DamagedError, UnicodeDecodeError) as error:
        if not is_damage(error):
            raise
        replace(directory, str(error))
    return _open(directory)


def _open(directory: Path) -> sqlite3.Connection:
    file = directory / FILE
    if not os.path.lexists(file):
        _begin(directory)
    try:
        private(file)
    except OSError as error:
        raise (DamagedError("it is a directory") if error.errno == errno.EISDIR else error) from None
    if not file.stat().st_size:
        raise DamagedError("it is empty")
    db = connect(file)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        if read_version(db) < 0:
            raise DamagedError("its version is less than nothing")
        if (verdict := db.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
            raise DamagedError(" ".join(str(verdict).split()))
        migrate(db)
        if wrong := wrong_part(db):
            raise DamagedError(f"its {wrong} is missing or another one")
    except BaseException:
        db.close()
        raise
    return db


def _begin(directory: Path) -> None:
    """Make a database and give it its name at once: an empty file is never ours."""
    # A log without its database belongs to one that was moved away; SQLite would play it into the new one.
    for suffix in ("-wal", "-shm"):
        (directory / (FILE + suffix)).unlink(missing_ok=True)
    if not (directory / NEW).exists():
        _make_new(directory / FIRST).close()
        (directory / FIRST).rename(directory / NEW)
    (directory / NEW).rename(directory / FILE)
    _sync(directory)


def _make_new(file: Path) -> sqlite3.Connection:
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    db = connect(private(file))
    try:
        migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def replace(directory: Path, why: str) -> None:
    """Set the damaged database aside and put a new one in its place, with what could be read of the old one."""
    aside = _free_name(directory, f"{FILE}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}")
    db = _make_new(directory / NEW)
    try:
        summary = salvage(directory / FILE, db)
        text = f"the state database was damaged ({why}) and is set aside as {aside}; carried over: {summary}"
        notice(db, DAMAGED, 1, text)
    finally:
        db.close()
    # The log before its database, and the new one last: whenever a kill comes, no log meets a database of another.
    if (directory / (FILE + "-wal")).exists():
        (directory / (FILE + "-wal")).rename(directory / (aside + "-wal"))
    (directory / (FILE + "-shm")).unlink(missing_ok=True)
    (directory / FILE).rename(directory / aside)
    (directory / NEW).rename(directory / FILE)
    _sync(directory)
    log.error("%s: %s", directory, text)
    _keep_few(directory)


def _free_name(directory: Path, name: str) -> str:
    names = {path.name for path in directory.glob(f"{FILE}.corrupt-*")}
    choices = (name, *(f"{name}.{number}" for number in range(1, len(names) + 1)))
    return next(choice for choice in choices if choice not in names)


def _keep_few(directory: Path) -> None:
    aside = sorted(path for path in directory.glob(f"{FILE}.corrupt-*") if not path.name.endswith("-wal"))
    for old in aside[:-KEPT]:
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)
        Path(f"{old}-wal").unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    """Have the names on the disk, too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
