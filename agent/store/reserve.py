"""Room that is kept for the day on which the disk is full: that is when an agent has something to tell.

A file of a few megabytes lies in the state directory. Where nothing can be written any more it is removed, and what
happens goes on to be written and told in its place. It comes back when there is room.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger("hostvigil.store")

FILE = "hostvigil.reserve"
BYTES = 4 * 1024**2
"""SQLite's log takes as much before it is written over."""
ENOUGH = 4 * BYTES
"""Free bytes from which on the room is taken again: else it would be taken from what was just made free."""
AGAIN_SECONDS = 60.0


class Reserve:
    """One thread at a time uses it: who holds the database's lock."""

    def __init__(self, directory: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._again = 0.0

    def renew(self) -> None:
        """Have the room kept, unless there is too little; costs nothing while it was looked at lately."""
        if self._monotonic() >= self._again:
            self._again = self._monotonic() + AGAIN_SECONDS
            keep(self._directory)


def keep(directory: Path) -> None:
    """Make the file where it is missing or no file of that size; without it all goes on as well."""
    file = directory / FILE
    try:
        status = os.lstat(file) if os.path.lexists(file) else None
        if status and stat.S_ISREG(status.st_mode) and status.st_size == BYTES:
            return
        if _free(directory) >= ENOUGH:
            file.unlink(missing_ok=True)
            _make(file)
    except OSError as error:
        log.info("no room is kept for a full disk: %s", error)


def _make(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, BYTES)
        else:
            os.write(descriptor, bytes(BYTES))
    except OSError:
        file.unlink()
        raise
    finally:
        os.close(descriptor)


def give_up(directory: Path, error: BaseException) -> bool:
    """Make room where a full disk was the error; tell whether there was any to make."""
    return is_full(directory, error) and _release(directory)


def give_up_at_start(directory: Path) -> None:
    """Make room before the first write, where there is next to none: nobody can be told yet that it failed."""
    if _free(directory) < BYTES // 4:
        _release(directory)


def _free(directory: Path) -> int:
    space = os.statvfs(directory)
    return space.f_bavail * space.f_frsize


def _release(directory: Path) -> bool:
    try:
        (directory / FILE).unlink()
    except OSError:
        return False
    log.warning("the disk of %s is full: the %d MiB that were kept for that are used now", directory, BYTES // 1024**2)
    return True


def is_full(directory: Path, error: BaseException) -> bool:
    """Tell whether it is for want of room that something could not be written."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):  # what SQLite says of its memory beside the log
        return _free(directory) < BYTES
    return code == sqlite3.SQLITE_FULL
