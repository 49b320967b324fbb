"""The silences: a small file beside the store, written by `hostvigil silence`, read by the agent when it changes.

Not a table of the store: a person's word must get through while the database is busy, full or being mended.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.model import Silence
from agent.system.regular import read_regular, require_regular

log = logging.getLogger("hostvigil.silences")

FILE = "silences.json"
LOCK = "silences.lock"
MOST_BYTES = 1024**2
ENDED_KEPT = 86_400_000
"""Milliseconds: so long the file still names a silence that ended, for the history, and for who ended it."""
MOST_ENDED = 200
LOCK_SECONDS = 2.0
"""How long to wait for somebody else who silences; whoever holds the lock for longer does something else."""


class Silences:
    """What the agent sees of the file: one stat a look, read again only when it changed. One thread uses it."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._version: tuple[int, int, int] | None = None
        self._silences: tuple[Silence, ...] = ()

    def __call__(self) -> tuple[Silence, ...]:
        try:
            info = self._file.lstat()
        except OSError:
            self._version, self._silences = None, ()
            return ()
        version = (info.st_ino, info.st_mtime_ns, info.st_size)
        if version != self._version:
            self._version = version
            self._silences = self._read()
        return self._silences

    def _read(self) -> tuple[Silence, ...]:
        try:
            return read(self._file.parent)
        except OSError as error:
            log.error("%s cannot be read, nothing is silenced: %s", self._file, error)
        except msgspec.MsgspecError as error:
            log.error("%s", error)
        return ()


def read(directory: Path) -> tuple[Silence, ...]:
    """Return the silences; OSError or MsgspecError when the file is no such file."""
    try:
        return msgspec.json.decode(read_regular(directory / FILE, MOST_BYTES), type=tuple[Silence, ...])
    except FileNotFoundError:
        return ()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        remedy = "nothing is silenced until it is removed, then silence anew"
        raise msgspec.DecodeError(f"{directory / FILE} is damaged ({error}): {remedy}") from None


def begin(directory: Path, silence: Silence, now: int) -> list[Silence]:
    """Add a silence; return those in force at `now`, Unix milliseconds. OSError, MsgspecError when that fails."""
    return change(directory, lambda old: [*old, silence], now)


def end(directory: Path, selects: Callable[[Silence], bool], who: str, now: int) -> int:
    """End those that are meant and in force at `now`; return how many. OSError, MsgspecError when that fails."""
    count = 0

    def end_them(old: Sequence[Silence]) -> list[Silence]:
        nonlocal count
        silences = []
        for one in old:
            ending = one.until > now and selects(one)
            count += ending
            silences.append(
                msgspec.structs.replace(one, until=now, ended_by=who, meant_until=one.until) if ending else one
            )
        return silences

    change(directory, end_them, now)
    return count


def change(directory: Path, update: Callable[[Sequence[Silence]], Sequence[Silence]], now: int) -> list[Silence]:
    """Replace the silences; return those in force at `now`, Unix milliseconds. OSError when that cannot be done.

    Root has taken the rights of the directory's owner before (`agent.system.rights`), so what is made here is his.
    """
    with _alone(directory), _naming(directory / FILE):
        silences = update(read(directory))
        running = [silence for silence in silences if silence.until > now]
        ended = [silence for silence in silences if now - ENDED_KEPT < silence.until <= now]
        fresh = directory / f"{FILE}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(msgspec.json.encode([*ended[-MOST_ENDED:], *running]))
            out.flush()
            os.fsync(out.fileno())
        fresh.rename(directory / FILE)
        return running


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Name the file in an error that names none, as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno:
            raise OSError(error.errno, os.strerror(error.errno), str(file)) from None
        raise


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Two people may silence at the same moment."""
    file = directory / LOCK
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except FileNotFoundError:
        words = "is not there: has the agent run with this state directory?"
        raise FileNotFoundError(errno.ENOENT, words, str(directory)) from None
    try:
        require_regular(descriptor, file)
        _lock(descriptor, file)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, file: Path) -> None:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise OSError(errno.EBUSY, "somebody else has held it for too long", str(file)) from None
            time.sleep(0.02)
