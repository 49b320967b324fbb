"""Looking for the files that a path means."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import translate
from pathlib import Path

import msgspec

from agent.api import CheckError

NOWHERE = ", its link leads nowhere"
ENTRIES = 100_000
"""More names than this are not looked at: a check is no search."""
KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "pipe",
    stat.S_IFBLK: "device",
    stat.S_IFCHR: "device",
}


class FileStatus(msgspec.Struct, frozen=True):
    """One file; `changed` in Unix seconds, `size` in bytes."""

    path: str = ""
    changed: float = 0.0
    size: int = 0
    kind: str = ""
    """What it is instead of a file: folder, socket, pipe or device."""


class Findings(msgspec.Struct, frozen=True):
    """What a path means, now."""

    count: int = 0
    newest: FileStatus = FileStatus()
    oldest: FileStatus = FileStatus()
    largest: FileStatus = FileStatus()
    why: str = ""
    """Why there is none, where there is a reason to tell."""
    looked_at: int = 0
    """How many names were looked at, where there are more: the rest is not known."""
    closed: str = ""
    """Which folder may not be read, where there is one: what is in it is not known."""

    @property
    def all_seen(self) -> bool:
        return not (self.looked_at or self.closed)

    def and_(self, one: FileStatus) -> Findings:
        if not self.count:
            return Findings(1, one, one, one)
        return Findings(
            self.count + 1,
            max(self.newest, one, key=lambda seen: seen.changed),
            min(self.oldest, one, key=lambda seen: seen.changed),
            max(self.largest, one, key=lambda seen: seen.size),
        )


def find(path: str, limit: int = ENTRIES) -> Findings:
    """Look for the files that a path means; CheckError where that cannot be told."""
    try:
        found = _many(path, limit) if has_wildcard(path) else Findings()
        if found.count or not found.all_seen or not _is_written_so(path):
            return found
        return Findings().and_(_status(path, Path(path).stat()))
    except (FileNotFoundError, NotADirectoryError):
        return Findings(why=NOWHERE if Path(path).is_symlink() else "")
    except OSError as error:
        raise CheckError(
            f"{printable(str(error.filename or path))}: {(error.strerror or str(error)).lower()}"
        ) from None


def _is_written_so(path: str) -> bool:
    """Tell whether this is a name, not a pattern: also where a file is called `[1].txt` and nothing else is meant."""
    return not has_wildcard(path) or os.path.lexists(path)


def _many(path: str, limit: int) -> Findings:
    sofar, closed = Findings(), Closed()
    parts = [part for part in path.split("/") if part] + (["*"] if path.endswith("**") else [])
    try:
        for entry in _matching(Path("/"), parts, _counter(limit), closed):
            with closed.noted(entry.path if isinstance(entry, os.DirEntry) else str(entry)):
                if (one := _file(entry)) is not None:
                    sofar = sofar.and_(one)
    except _TooManyError:
        return msgspec.structs.replace(sofar, looked_at=limit, closed=closed.first)
    return msgspec.structs.replace(sofar, closed=closed.first)


class Closed:
    """Notes the first folder that may not be read, and goes on: what others hide hides nothing else."""

    def __init__(self) -> None:
        self.first = ""

    @contextmanager
    def noted(self, path: str) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            self.first = self.first or f"{printable(str(error.filename or path))}: permission denied"


class _TooManyError(Exception):
    """There are more names than a check looks at."""


def _file(entry: os.DirEntry[str] | Path) -> FileStatus | None:
    """Look at what a wildcard met; None for a folder, and for what has gone since."""
    try:
        status = entry.stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        try:
            status = entry.stat(follow_symlinks=False)  # a link that leads nowhere is a file too
        except FileNotFoundError:
            return None
    return None if stat.S_ISDIR(status.st_mode) else _status(os.fspath(entry), status)


def _status(path: str, status: os.stat_result) -> FileStatus:
    return FileStatus(path, status.st_mtime, status.st_size, KINDS.get(stat.S_IFMT(status.st_mode), ""))


def _matching(
    folder: Path, parts: list[str], tick: Callable[[], None], closed: Closed
) -> Iterator[os.DirEntry[str] | Path]:
    """Yield what fits under a folder; links to folders are followed only where a part names them."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _matching(folder, rest, tick, closed)
    elif not has_wildcard(part):
        if rest:
            yield from _matching(folder / part, rest, tick, closed)
        elif _is_there(folder / part, closed):
            yield folder / part
        return
    fits = re.compile(translate(part)).match
    for entry in _entries(folder, closed):
        tick()
        if part == "**":
            if entry.is_dir(follow_symlinks=False):
                yield from _matching(Path(entry.path), parts, tick, closed)
        elif fits(entry.name) and (part.startswith(".") or not entry.name.startswith(".")):
            if not rest:
                yield entry
            elif _is_folder(entry, closed):
                yield from _matching(Path(entry.path), rest, tick, closed)


def _is_there(path: Path, closed: Closed) -> bool:
    """As lexists, which takes what may not be looked at for what is not there."""
    with closed.noted(str(path)), suppress(FileNotFoundError, NotADirectoryError):
        path.lstat()
        return True
    return False


def _is_folder(entry: os.DirEntry[str], closed: Closed) -> bool:
    with closed.noted(entry.path):
        return entry.is_dir()
    return False


def _entries(folder: Path, closed: Closed) -> Iterator[os.DirEntry[str]]:
    """Read a folder bit by bit; one that is none, or gone, is empty."""
    try:
        with closed.noted(str(folder)), os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


def _counter(limit: int) -> Callable[[], None]:
    left = iter(range(limit))

    def tick() -> None:
        if next(left, None) is None:
            raise _TooManyError

    return tick


def has_wildcard(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def printable(path: str) -> str:
    """Names may be any bytes: what cannot be shown or sent is escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)
