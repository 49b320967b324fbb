"""Reads what was written to a log since the last look, whichever way it was rotated in between."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

PIECE = 1024 * 1024
"""Bytes read at a time; a longer line is cut here."""
MARK = 256
"""So many bytes before the place we have come to tell that this is the file we have read."""
OLD_FILES = 8
COPIES = 50
COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".lz4", ".Z")


class Position(msgspec.Struct, frozen=True):
    """How far a file has been read."""

    path: str
    inode: int = 0
    """0: there was no file."""
    offset: int = 0
    mark: int = 0
    """Checksum of the last bytes before `offset`."""
    size: int = 0
    """At the last look, in bytes; 0 right after it was rotated."""


class Followed(msgspec.Struct, frozen=True):
    """What is to be remembered, and what there is to say."""

    files: list[Position]
    """Rotated files, oldest first, and last the one that is written to."""
    unread: int = 0
    """Bytes for which there was no time."""
    first: bool = False
    missing: bool = False
    lost: str = ""
    """Why some lines may never be seen."""


def follow(path: str, last: list[Position] | None, take: Callable[[bytes], None], until: float) -> Followed:
    """Give every line written since `last` to `take`, in blocks of whole lines; OSError where it cannot be read.

    `until` is monotonic seconds; what is not read by then is read next time.
    """
    real = os.path.realpath(path)
    if not last:
        now = _at_end(real)
        return Followed([now], first=now.inode > 0, missing=not now.inode)
    files, lost = _found_again(last, real)
    read = [_read_on(position, position is not files[-1], take, until) for position in files]
    unread = sum(position.size - position.offset for position, done in read if not done)
    return Followed([position for position, _ in read][-OLD_FILES:], unread, missing=not files[-1].inode, lost=lost)


def _at_end(real: str) -> Position:
    try:
        with _opened(real) as file:
            state = _regular(file)
            return Position(real, state.st_ino, state.st_size, _mark(file, state.st_size), state.st_size)
    except FileNotFoundError:
        return Position(real)


def _now(real: str, current: Position) -> tuple[int, bool]:
    """Return the inode of the file that is written to, 0 for none, and whether it is the one we have read."""
    try:
        with _opened(real) as file:
            state = _regular(file)
            return state.st_ino, _is_read(file, state, current)
    except FileNotFoundError:
        return 0, False


def _regular(file: int) -> os.stat_result:
    state = os.fstat(file)
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file")
    return state


def _found_again(last: list[Position], real: str) -> tuple[list[Position], str]:
    """Find out where the files are now, last the one that is written to; and what is lost."""
    *old, current = last
    inode, read = _now(real, current)
    old = [found for position in old if (found := _found(position, inode))]
    if not current.inode:
        return [*old, Position(real, inode)], ""
    if inode == current.inode and read:
        return [*old, msgspec.structs.replace(current, path=real)], ""
    if found := _found(current, inode) or _copy(current, inode):
        return [*old, msgspec.structs.replace(found, size=0), Position(real, inode)], ""
    if current.offset and read:
        # An editor, or `sed -i`, wrote the same log anew.
        return [*old, msgspec.structs.replace(current, path=real, inode=inode)], ""
    lost = "the log was truncated, or what it was rotated to is compressed or gone"
    return [*old, Position(real, inode)], lost


def _found(position: Position, current: int) -> Position | None:
    """Return where a rotated file is now, by its inode: rotations rename."""
    if position.inode == current:
        return None
    for path in itertools.chain([position.path], _siblings(position)):
        state = _look(path)
        if state and state.st_ino == position.inode and _matches(position, path):
            return msgspec.structs.replace(position, path=path)
    return None


def _copy(position: Position, current: int) -> Position | None:
    """Return the copy that was made of a file before it was truncated, by what stands before our place in it."""
    if not position.offset:
        return None
    for path in _siblings(position):
        state = _look(path)
        if state and state.st_ino != current and _matches(position, path):
            return msgspec.structs.replace(position, path=path, inode=state.st_ino)
    return None


def _look(path: str) -> os.stat_result | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _siblings(position: Position) -> Iterator[str]:
    """Yield the files that may be rotations of this one, last changed first."""
    folder, name = os.path.split(position.path)
    stem = name.split(".")[0]
    found: list[os.DirEntry[str]] = []
    with suppress(OSError), os.scandir(folder) as entries:  # a folder may let us in, but not look around
        found = [entry for entry in entries if entry.name.startswith(stem) and not entry.name.endswith(COMPRESSED)]
    dated = sorted(((state.st_mtime, entry.path) for entry in found if (state := _look(entry.path))), reverse=True)
    yield from (path for _, path in dated[:COPIES])


def _matches(position: Position, path: str) -> bool:
    """Tell whether the file is the one that was read: as long as that, and the same before the place."""
    try:
        with _opened(path) as file:
            return _is_read(file, os.fstat(file), position)
    except OSError:
        return False


def _is_read(file: int, state: os.stat_result, position: Position) -> bool:
    return state.st_size >= position.offset and _mark(file, position.offset) == position.mark


def _mark(file: int, offset: int) -> int:
    length = min(offset, MARK)
    return zlib.crc32(os.pread(file, length, offset - length))


def _read_on(position: Position, rotated: bool, take: Callable[[bytes], None], until: float) -> tuple[Position, bool]:
    """Read a file from its position on: (the new position, whether all was read that was there)."""
    if not position.inode:
        return position, True
    with suppress(FileNotFoundError), _opened(position.path) as file:
        state = os.fstat(file)
        if state.st_ino == position.inode and _is_read(file, state, position):
            # A line without its end, in a rotated file that does not grow any more, is whole.
            final = rotated and state.st_size == position.size
            return _read(file, msgspec.structs.replace(position, size=state.st_size), final, take, until)
    return position, True  # rotated this very moment: the next run sees to it


def _read(
    file: int, position: Position, final: bool, take: Callable[[bytes], None], until: float
) -> tuple[Position, bool]:
    offset, done = position.offset, True
    for block, offset in _blocks(file, position.offset, position.size, final):
        take(block)
        if time.monotonic() > until:
            done = offset >= position.size
            break
    return msgspec.structs.replace(position, offset=offset, mark=_mark(file, offset)), done


def _blocks(file: int, offset: int, size: int, final: bool) -> Iterator[tuple[bytes, int]]:
    """Yield whole lines without their last end, and the offset after them; not past `size`: a log can outgrow us."""
    while piece := os.pread(file, min(PIECE, size - offset), offset):
        end = piece.rfind(b"\n") + 1
        if not end and len(piece) < PIECE and not final:
            return
        piece = piece[: end or len(piece)]
        offset += len(piece)
        yield piece.removesuffix(b"\n"), offset


@contextmanager
def _opened(path: str) -> Iterator[int]:
    # Without O_NONBLOCK, opening a pipe that took the file's place would wait for a writer.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)
