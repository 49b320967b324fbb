"""Reads what was written to a log since the last look, whichever way it was rotated in between."""

from __future__ import annotations

import errno
import os
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from checks.log.beside import Sibling, rotations
from checks.log.links import open_log, real_path
from checks.log.packed import UNREADABLE, CannotUnpack, is_finished, is_packed, is_written_since, open_packed
from checks.log.position import AGAIN, MARK, PIECE, PlainFile, Position, Source, before_place, regular
from checks.log.rotation import locate
from checks.log.text import BEGINNING, Lines, choose_encoding, detect_encoding

T = TypeVar("T")

OLD_FILES = 8
TICK = 20_000_000
"""Nanoseconds that the clock of a file system may be behind the host's."""
OF_KERNEL = ("/proc/", "/sys/")
"""Its files look as if nothing were in them: /proc/kmsg would be a log in which nothing ever happens."""
GRACE = 1.0
"""Seconds in which a compressed file that was begun is read to the end of a piece; a quarter of the time at most."""


class Block(NamedTuple):
    """Lines to be judged. Who judges them answers with how many bytes are judged: less than all when time is up."""

    lines: Lines
    content: bytes
    counted: bool = False
    """The first line was counted before it had its end."""
    unfinished: bool = False
    """This is one line that has no end yet; the answer is then whether it was counted."""
    again: int = 0
    """This is a piece of a long line; with so many bytes of its end the next piece begins."""
    name: str = ""
    """The log's, where there are several."""


class Progress(msgspec.Struct, frozen=True):
    """What is to be remembered, and what there is to say."""

    files: list[Position]
    """Rotated files, oldest first, and last the one that is written to."""
    unread: int = 0
    """Bytes for which there was no time."""
    more: bool = False
    """There was no time for all, and nobody knows how much it is."""
    first: bool = False
    missing: bool = False
    lost: str = ""
    """Why some lines may never be seen."""


Steps = Generator[Block, int, T]


def drive(steps: Steps[T], judge: Callable[[Block], int], call: Callable[[Callable[[], Any]], Any]) -> T:
    """Go through the steps: `call` bounds what reads, which may hang; `judge` works in our own thread."""
    answer: int | None = None
    while True:
        finished, value = call(lambda answer=answer: _advance(steps, answer))  # type: ignore[misc]
        if finished:
            return value  # type: ignore[no-any-return]
        answer = judge(value)


def _advance(steps: Steps[T], answer: int | None) -> tuple[bool, Any]:
    try:
        return False, steps.send(answer)  # type: ignore[arg-type]  # None begins
    except StopIteration as end:
        return True, end.value


def follow(path: str, last: list[Position] | None, until: float, encoding: str = "") -> Steps[Progress]:
    """Give every line written since `last` to be judged; OSError where the log cannot be read.

    `until` is monotonic seconds: later no file is touched any more; what is not read by then is read next time.
    """
    real = real_path(path)
    if real.startswith(OF_KERNEL):
        raise OSError(errno.EINVAL, "is made by the kernel when it is read, and has no size: it cannot be followed")
    if not last:
        now = _at_end(real)
        return Progress([*_same_time(now), now], first=now.inode > 0, missing=not now.inode)
    files, lost = locate(last, real, until)
    results = []
    for position in files:
        try:
            results.append((yield from _read_on(position, until, encoding)))
        except CannotUnpack as error:
            lost = str(error.strerror)
    unread = sum(max(0, position.size - position.offset) for position, complete in results if not complete)
    changed = max(position.changed for position, _ in results)
    current = replace(results[-1][0], changed=changed)
    return Progress([*_worth_keeping(results[:-1], changed), current], unread, missing=not current.inode, lost=lost)


def _worth_keeping(results: list[tuple[Position, bool]], changed: int) -> list[Position]:
    """Return what is still to be known: rotated files that may grow, and all of the time of the last writing."""
    old = [
        one
        for one, complete in results
        if is_written_since(one.changed, changed) or not (complete and is_packed(one.path))
    ]
    return [
        one for at, one in enumerate(old, OLD_FILES - len(old)) if at >= 0 or is_written_since(one.changed, changed)
    ]


def _same_time(log: Position) -> list[Position]:
    """Return the rotations that were written to when the log was, or later, as read: their time tells nothing."""
    if not log.changed:
        return []
    positions = []
    for one in rotations(log.path):
        with suppress(OSError):
            if is_written_since(one.changed, log.changed) and not one.path.endswith(UNREADABLE):
                positions.append(_at_end_of_packed(one) if one.packed else _at_end(one.path))
    return [one for one in reversed(positions) if one.inode]


def _at_end_of_packed(file: Sibling) -> Position:
    # How much it holds is not worth unpacking it: it is known by its inode and its time.
    return Position(file.path, file.inode, offset=1, size=1, changed=file.changed)


def _at_end(real: str) -> Position:
    try:
        with open_log(real) as file:
            state = regular(file)
            source = PlainFile(file, state.st_size)
            marked, size = detect_encoding(source.read(0, BEGINNING)), state.st_size
            mark = zlib.crc32(before_place(source, size))
            return Position(real, state.st_ino, size, mark, size, changed=state.st_mtime_ns, marked=marked)
    except FileNotFoundError:
        # What is rotated away before we see it is newer than all that is there, or than now: a disk may come later.
        return Position(real, changed=max((one.changed for one in rotations(real)), default=time.time_ns() - TICK))


def _read_on(position: Position, until: float, encoding: str) -> Steps[tuple[Position, bool]]:
    """Read a file from its position on: (the new position, whether all was read that was there)."""
    if not position.inode or is_finished(position):
        return position, True
    if time.monotonic() > until and position.size:
        return position, False
    try:
        with _source(position, until) as (source, state):
            before = before_place(source, position.offset)
            if zlib.crc32(before) == position.mark:
                now = replace(position, size=state.st_size, changed=state.st_mtime_ns)
                return (yield from _Reading(source, until, encoding).read(now, before))
    except FileNotFoundError:
        pass
    return position, True  # rotated this very moment: the next run sees to it


@contextmanager
def _source(position: Position, until: float) -> Iterator[tuple[Source, os.stat_result]]:
    with open_log(position.path) as file:
        state = regular(file)
        if state.st_ino != position.inode:
            raise FileNotFoundError
        if not is_packed(position.path):
            yield PlainFile(file, state.st_size), state
            return
    grace = min(GRACE, max(0.0, until - time.monotonic()) / 4)
    with open_packed(position.path, until + grace) as content:
        yield content, state


class _Reading:
    """Reads one file on."""

    def __init__(self, source: Source, until: float, encoding: str) -> None:
        self._source, self._until, self._encoding = source, until, encoding

    def read(self, position: Position, before: bytes) -> Steps[tuple[Position, bool]]:
        """Read from the position on; `before` is what stands before it."""
        last, late, packed = position, False, is_packed(position.path)
        piece = b""
        while not late and (piece := self._source.read(position.offset, PIECE)):
            if piece.count(0) == PIECE:
                # A writer that does not append leaves a hole as large as its log was, when that is truncated.
                offset = self._source.behind_hole(position.offset + PIECE)
                position = replace(position, offset=offset, tail=0, counted=None)
                before, late = bytes(MARK), time.monotonic() > self._until
                continue
            if not position.offset:
                position = replace(position, marked=detect_encoding(piece))
            lines = Lines(choose_encoding(position.marked, self._encoding))
            end, next_begin = lines.whole(piece), 0
            if not end and len(piece) == PIECE:
                end, next_begin = lines.whole_letters(piece, PIECE), lines.whole_letters(piece, PIECE - AGAIN)
            if not end:
                position = yield from self._tail(position, last, lines, piece, packed)
                break
            again = end - next_begin if next_begin else 0
            size_judged = yield Block(lines, piece[:end], counted=position.counted is True, again=again)
            size_judged -= again
            before = (before + piece[:size_judged])[-MARK:]
            position = replace(position, offset=position.offset + size_judged, tail=0, counted=None)
            late = time.monotonic() > self._until
        complete = not late or (not packed and position.offset >= position.size)
        size = position.size if not packed else position.offset + (0 if complete else position.size)
        return replace(position, mark=zlib.crc32(before), size=size), complete

    def _tail(self, position: Position, last: Position, lines: Lines, tail: bytes, final: bool) -> Steps[Position]:
        """Judge a line without end once it is as it was at the last look; again when it grew, unless it was counted."""
        same = (position.offset, len(tail)) == (last.offset, last.tail)
        counted = position.counted
        if counted is False and not same:
            counted = None
        if counted is None and (same or final):
            counted = bool((yield Block(lines, tail, unfinished=True)))
        return replace(position, tail=len(tail), counted=counted)
