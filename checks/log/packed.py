"""Reads rotated logs that were compressed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from checks.log.links import open_log
from checks.log.position import PIECE, Position

READABLE = (".gz", ".xz", ".bz2")
UNREADABLE = (".zst", ".lz4", ".Z", ".lzo", ".zip")


class CannotUnpack(OSError):
    """The file is broken, or there is no time for it."""


class Stream(Protocol):
    """What unpacks as it is read."""

    def read(self, size: int, /) -> bytes: ...


class PackedContent:
    """What a compressed file holds. Until a moment in monotonic seconds.

    Reading goes forward, and back no further than to the beginning of what was read last.
    """

    def __init__(self, stream: Stream, name: str, until: float) -> None:
        self._stream, self._name, self._until = stream, name, until
        self._at = 0
        self._last = b""
        """What was read last, up to `_at`."""

    def read(self, offset: int, length: int) -> bytes:
        while self._at < offset:
            if not self._next(min(PIECE, offset - self._at)):
                return b""
        parts = [self._last[len(self._last) - (self._at - offset) :]]
        length -= len(parts[0])
        while length > 0 and (part := self._next(length)):
            parts.append(part)
            length -= len(part)
        self._last = b"".join(parts)
        return self._last

    def behind_hole(self, offset: int) -> int:
        return offset

    def _next(self, length: int) -> bytes:
        if time.monotonic() > self._until:
            raise CannotUnpack(0, f"there was no time to unpack {self._name}")
        part = self._stream.read(length)
        self._at += len(part)
        return part


def is_packed(path: str) -> bool:
    return path.endswith(READABLE)


def is_finished(position: Position) -> bool:
    """A compressed file does not grow: once it is read, it is known by its inode and its time."""
    return is_packed(position.path) and 0 < position.size == position.offset


def is_written_since(changed: int, moment: int) -> bool:
    """Tell whether a file was written to at this moment or later; both in nanoseconds.

    bzip2 keeps whole seconds only, others microseconds, and some file systems know no more: such a time is compared as
    exactly as it is.
    """
    exactly = next(unit for unit in (10**9, 1000, 1) if changed % unit == 0)
    return changed >= moment // exactly * exactly


@contextmanager
def open_packed(path: str, until: float) -> Iterator[PackedContent]:
    """Open what the file holds; CannotUnpack where it is not what its name says. `until`: monotonic seconds."""
    import bz2
    import gzip
    import lzma
    import zlib

    kind = {"gz": gzip.GzipFile, "xz": lzma.LZMAFile, "bz2": bz2.BZ2File}[path.rpartition(".")[2]]
    name = Path(path).name
    with open_log(path) as file, os.fdopen(os.dup(file), "rb") as raw:
        try:
            with kind(raw) if kind is not gzip.GzipFile else kind(fileobj=raw) as stream:
                yield PackedContent(stream, name, until)
        except CannotUnpack:
            raise
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise CannotUnpack(0, f"{name} cannot be unpacked: {error}") from None
