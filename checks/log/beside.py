"""The files beside a log: which may be rotations of it, by their names, and where a file is now, by its inode."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from checks.log.packed import READABLE, UNREADABLE, is_packed, is_written_since

COPIES = 50
FOLDERS = 20
"""Folders beside a log that are looked into for what was moved to one (logrotate's `olddir`)."""

_MONTHS = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
_DAYS = "mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?"
_WORDS = rf"(?i:{_MONTHS}|nov(?:ember)?|dec(?:ember)?|{_DAYS})"
_MORE = rf"(?:[0-9TZ:._-]|{_WORDS}(?![a-zA-Z]))*"
_BEHIND = rf"(?:[-._]?[0-9]{_MORE}|[-._]{_WORDS}(?![a-zA-Z]){_MORE}|[-._]?(?:old|bak|prev(?:ious)?))"
_WITHIN = rf"[-._]?(?:[0-9]{_MORE}|old)"
"""Without a word at its beginning: `web-sun.log` beside `web.log` is a log of its own."""


class Sibling(NamedTuple):
    """A file beside the log that may be a rotation of it."""

    path: str
    inode: int
    changed: int
    size: int

    @property
    def packed(self) -> bool:
        return is_packed(self.path)


def rotations(path: str) -> list[Sibling]:
    """Return the files beside the log that have the name of a rotation, last changed first."""
    name = Path(path).name
    return [sibling for sibling in siblings(path) if is_rotation(name, Path(sibling.path).name)]


def siblings_with_other_numbers(path: str) -> list[Sibling]:
    """Return the files named like this one but for numbers: `@4000000065f1b2c3.s`, whatever the log's name is."""
    folder, name = os.path.split(path)
    alike = (entry for entry in _entries(folder) if _without_numbers(entry.name) == _without_numbers(name))
    return [one for entry in alike if (one := _sibling(entry))]


def is_rotation(log: str, name: str) -> bool:
    """Tell whether this is the name of a rotated log: app.log.1, app.log-20261123.gz, app-2026-11-23.log ..."""
    stem, dot, extension = log.rpartition(".") if "." in log[1:] else (log, "", "")
    packed = "|".join(map(re.escape, READABLE + UNREADABLE))
    whole, parts = re.escape(log), (re.escape(stem), re.escape(dot + extension))
    return re.fullmatch(f"(?:{whole}{_BEHIND}|{parts[0]}{_WITHIN}{parts[1]})(?:{packed})?", name) is not None


def begins_alike(path: str, other: str) -> bool:
    return Path(other).name.startswith(Path(path).name.split(".")[0])


def siblings(path: str) -> Iterator[Sibling]:
    """Yield the regular files whose names begin like the log's, last changed first."""
    folder, name = os.path.split(path)
    stem = name.split(".")[0]
    beginning_alike = [one for entry in _entries(folder) if entry.name.startswith(stem) and (one := _sibling(entry))]
    yield from sorted(beginning_alike, key=lambda sibling: sibling.changed, reverse=True)[:COPIES]


def below(path: str) -> Iterator[Sibling]:
    """Yield the rotations of this log that lie in a folder beside it."""
    folder, name = os.path.split(path)
    for inner in _folders(folder):
        yield from rotations(f"{inner}/{name}")


def at(path: str) -> Iterator[Sibling]:
    """Yield the regular file of this name, if there is one."""
    with suppress(OSError):
        state = Path(path).lstat()
        if stat.S_ISREG(state.st_mode):
            yield Sibling(path, state.st_ino, state.st_mtime_ns, state.st_size)


def in_old_folders(path: str, since: int) -> Iterator[Sibling]:
    """Yield what was rotated into a folder beside the log (logrotate's `olddir`) since then (nanoseconds), by its name.

    A folder with a log of this name has rotations of its own, and copies keep the time of what lies beside the log.
    """
    folder, name = os.path.split(path)
    times_beside = {one.changed for one in rotations(path)}
    for inner in _folders(folder):
        if _is_changed_since(inner, since) and not os.path.lexists(f"{inner}/{name}"):
            yield from (one for one in rotations(f"{inner}/{name}") if one.changed not in times_beside)


def _is_changed_since(folder: str, moment: int) -> bool:
    """Tell whether files came or went in a folder: most have not changed, and are not worth reading."""
    with suppress(OSError):
        return is_written_since(Path(folder).stat().st_mtime_ns, moment)
    return False


def by_inode(path: str, inode: int) -> Iterator[Sibling]:
    """Yield the file of this inode, under whichever name it lies beside the log, or in a folder beside it."""
    folder = os.path.split(path)[0]
    for place in (folder, *_folders(folder)):
        yield from (one for entry in _entries(place) if entry.inode() == inode and (one := _sibling(entry)))


def logs_between(last: str, now: str) -> list[Sibling]:
    """Return the logs that a link led to between these two, oldest first: of their name but for its numbers."""
    (folder, first), (other, name) = os.path.split(last), os.path.split(now)
    if folder != other or first == name or _without_numbers(first) != _without_numbers(name):
        return []
    pairs = [
        (_numbers(entry.name), one)
        for entry in _entries(folder)
        if _without_numbers(entry.name) == _without_numbers(name) and (one := _sibling(entry))
    ]
    return [one for numbers, one in sorted(pairs) if _numbers(first) < numbers < _numbers(name)]


def _numbers(name: str) -> list[int]:
    return list(map(int, re.findall("[0-9]+", name)))


def _without_numbers(name: str) -> str:
    return re.sub("[0-9a-f]{8,}|[0-9]+", "0", name)


def _folders(folder: str) -> list[str]:
    return [entry.path for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)][:FOLDERS]


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:  # a folder may let us in, but not look around
        yield from entries


def _sibling(entry: os.DirEntry[str]) -> Sibling | None:
    with suppress(OSError):
        state = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(state.st_mode):
            return Sibling(entry.path, state.st_ino, state.st_mtime_ns, state.st_size)
    return None
