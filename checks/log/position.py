"""How far a log has been read, and how its file is known again."""

from __future__ import annotations

import errno
import os
import stat
import zlib
from typing import Protocol

import msgspec

MARK = 256
"""So many bytes before the place we have come to tell that this is the file we have read."""
PIECE = 1024 * 1024
"""Bytes read at a time; a longer line is judged in such pieces."""
AGAIN = 65536
"""Bytes of such a piece that the next one begins with, for what stands across the end of the first."""


class Position(msgspec.Struct, frozen=True):
    """How far a file has been read."""

    path: str
    inode: int = 0
    """0: there was no file."""
    offset: int = 0
    mark: int = 0
    """Checksum of the last bytes before `offset`."""
    size: int = 0
    """At the last look, in bytes."""
    tail: int = 0
    """Bytes of a line behind `offset` that had no end yet at the last look."""
    counted: bool | None = None
    """Whether that line was counted without its end; None: it was not judged."""
    changed: int = 0
    """When this log was last written to, as far as seen, in nanoseconds of the file's own clock."""
    marked: str = ""
    """The encoding that the first bytes of the file tell."""


class Source(Protocol):
    """What can be read forward."""

    def read(self, offset: int, length: int) -> bytes:
        """Return as many bytes, fewer only at the end."""
        ...

    def behind_hole(self, offset: int) -> int:
        """Return where the first byte is, from a place on, that somebody wrote: a hole is read as NULs."""
        ...


class PlainFile:
    """An open file."""

    def __init__(self, file: int, size: int) -> None:
        """Nothing beyond `size` is read: a log can grow faster than we read."""
        self._file, self._size = file, size

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._file, max(0, min(length, self._size - offset)), offset)

    def behind_hole(self, offset: int) -> int:
        try:
            return min(os.lseek(self._file, offset, os.SEEK_DATA), self._size)
        except (OSError, AttributeError):  # nothing comes, or the system does not tell
            return offset


def before_place(source: Source, offset: int) -> bytes:
    """Return the last bytes before this place; fewer where the file is shorter."""
    length = min(offset, MARK)
    return source.read(offset - length, length)


def is_read(source: Source, position: Position) -> bool:
    """Tell whether this is the file that was read: as long as that, and the same before the place we came to."""
    before = before_place(source, position.offset)
    return len(before) == min(position.offset, MARK) and zlib.crc32(before) == position.mark


def regular(file: int) -> os.stat_result:
    """Return what the system says of a regular file; OSError for anything else."""
    state = os.fstat(file)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file")
    return state
