"""What a path with wildcards means: no more names than are to be looked at, and none passed over in silence.

glob takes a folder that may not be read for an empty one. Shared by check types.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import translate
from pathlib import Path

from checks._wildcards import has_wildcard

LEADS_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What the kernel says of a way that ends nowhere: of a link to itself, through a file, of 300 letters.

Anybody may lay such a link where he may write, so it must not hide what lies beside it.
"""
ENTRIES = 100_000
"""More names than this are not looked at: a check is no search."""


class ClosedFolder:
    """Notes the first folder that cannot be read, and goes on: what others hide hides nothing else."""

    def __init__(self) -> None:
        self.first = ""

    @contextmanager
    def note(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self.first = self.first or f"{printable(str(error.filename or path))}: {reason}"


@contextmanager
def if_it_leads_somewhere() -> Iterator[None]:
    """Pass over what leads nowhere."""
    try:
        yield
    except OSError as error:
        if error.errno not in LEADS_NOWHERE:
            raise


class TooManyError(Exception):
    """There are more names than a check looks at."""


def walk(pattern: str, closed: ClosedFolder, limit: int = ENTRIES) -> Iterator[os.DirEntry[str] | Path]:
    """Yield what fits a whole path; TooManyError beyond `limit` names.

    Links to folders are followed only where a part names them.
    """
    parts = [part for part in pattern.split("/") if part]
    if parts[-1] == "**":
        parts.append("*")
    yield from _matching(Path("/"), parts, _counter(limit), closed)


def _matching(
    folder: Path, parts: list[str], tick: Callable[[], None], closed: ClosedFolder
) -> Iterator[os.DirEntry[str] | Path]:
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


def _is_there(path: Path, closed: ClosedFolder) -> bool:
    """As lexists, which takes what may not be looked at for what is not there."""
    with closed.note(str(path)), if_it_leads_somewhere():
        path.lstat()
        return True
    return False


def _is_folder(entry: os.DirEntry[str], closed: ClosedFolder) -> bool:
    with closed.note(entry.path), if_it_leads_somewhere():
        return entry.is_dir()
    return False


def _entries(folder: Path, closed: ClosedFolder) -> Iterator[os.DirEntry[str]]:
    """Read a folder bit by bit; one that is none, or gone, is empty."""
    with closed.note(str(folder)), if_it_leads_somewhere():
        is_empty = True
        with os.scandir(folder) as entries:
            for entry in entries:
                is_empty = False
                yield entry
        if is_empty:
            require_visible(folder)


def require_visible(folder: str | Path) -> None:
    """PermissionError where a folder is hidden even from root: systemd lays an empty one over it (ProtectHome)."""
    if os.stat(folder).st_mode & 0o777:  # noqa: PTH116 - a path of either kind
        return
    with os.scandir(folder) as entries:
        if next(entries, None) is None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _counter(limit: int) -> Callable[[], None]:
    ticks_left = iter(range(limit))

    def tick() -> None:
        if next(ticks_left, None) is None:
            raise TooManyError

    return tick


def printable(path: str) -> str:
    """Names may be any bytes: what cannot be shown or sent is escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)
