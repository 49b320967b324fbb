"""Finds out where a log that was followed is now, and what was rotated away between two looks."""

from __future__ import annotations

import itertools
import math
import time
from pathlib import Path

from msgspec.structs import replace

from checks.log.beside import (
    Sibling,
    at,
    begins_alike,
    below,
    by_inode,
    in_old_folders,
    is_rotation,
    logs_between,
    rotations,
    siblings,
    siblings_with_other_numbers,
)
from checks.log.links import open_log
from checks.log.packed import READABLE, UNREADABLE, is_finished, is_packed, is_written_since, open_packed
from checks.log.position import MARK, PlainFile, Position, is_read, regular

GONE = "the log was truncated, or what it was rotated to is gone"


def locate(last: list[Position], real: str, until: float) -> tuple[list[Position], str]:
    """Return where the files are now, oldest first and last the one that is written to; and why lines may be lost.

    `until` is monotonic seconds, as everywhere here.
    """
    *old, current = last
    inode, is_same = look_at(real, current)
    if inode and inode != current.inode:
        back = next((one for one in old if one.inode == inode and look_at(real, one)[1]), None)
        if back:  # a link that leads to the log before the last again, or a rotation that was taken back
            others = [one for one in old if one is not back]
            return locate([*others, current, replace(back, path=real)], real, until)
    places = [(position, _find_renamed(position, inode, until) or _find_packed(position, until)) for position in old]
    older = [place for _, place in places if place]
    lost = GONE if any(one.size > one.offset + one.tail for one, place in places if not place) else ""
    newer, fault = _since(current, Position(real, inode, changed=current.changed), is_same, older, until)
    return _once_each([*older, *newer]), fault or lost


def _once_each(files: list[Position]) -> list[Position]:
    """Leave out what is read further as another one: an empty log is known by its inode alone, which is used again."""
    *old, current = files
    furthest = {(one.path, one.inode): one for one in (*sorted(old, key=lambda one: one.offset), current)}
    return [one for one in files if furthest[one.path, one.inode] is one]


def _since(
    current: Position, now: Position, is_same: bool, older: list[Position], until: float
) -> tuple[list[Position], str]:
    """Return where the log of the last look is now and what came after it, last the log of now; and what is lost.

    `current` is the log of the last look, `now` the file that has its name now, `is_same` whether it begins like it.
    """
    if not current.inode:
        between, fault = rotations_since(current, now.inode, older, until)
        return [*between, now], fault
    if now.inode == current.inode and is_same:
        # Nothing tells an empty log from one that was written to, copied and emptied again; but the copy is there.
        between, fault = ([], "") if current.size else rotations_since(current, now.inode, older, until)
        return [*between, replace(current, path=now.path)], fault
    rotated = _find_renamed(current, now.inode, until) or _find_copy(current, now.inode) or _find_packed(current, until)
    if rotated is None and current.offset and is_same:
        # An editor, or `sed -i`, wrote the same log anew.
        return [replace(current, path=now.path, inode=now.inode)], ""
    before = [rotated] if rotated else []
    between, fault = rotations_since(current, now.inode, [*older, *before], until)
    # Of an empty log nothing is known again but its inode, which compressing changes.
    is_among = not current.offset and any(is_packed(one.path) for one in between)
    if rotated is None and not is_among and not _has_nothing_new(current, [*older, *between]):
        fault = fault or GONE
    link_targets = [
        Position(one.path, one.inode) for one in logs_between(current.path, now.path) if one.inode != now.inode
    ]
    return [*before, *between, *link_targets, now], fault


def look_at(real: str, position: Position) -> tuple[int, bool]:
    """Return the inode of the file that is there now, 0 for none, and whether it is the one we have read so far."""
    try:
        with open_log(real) as file:
            state = regular(file)
            return state.st_ino, is_read(PlainFile(file, state.st_size), position)
    except FileNotFoundError:
        return 0, False


def _find_renamed(position: Position, current: int, until: float) -> Position | None:
    """Return where a rotated file is now, by its inode."""
    if not position.inode or position.inode == current:
        return None
    for sibling in itertools.chain(at(position.path), by_inode(position.path, position.inode)):
        # The inode of a file that is gone may be another's now, and of an empty file nothing else is known.
        same = sibling.inode == position.inode and sibling.packed == is_packed(position.path)
        same = same and (begins_alike(position.path, sibling.path) or position.offset >= MARK)
        if same and _is_as_it_was(position, sibling, until):
            return replace(position, path=sibling.path)
    return None


def _is_as_it_was(position: Position, sibling: Sibling, until: float) -> bool:
    """Tell whether the file of this inode is still the one that was read; a compressed one is unpacked for that."""
    if sibling.packed and sibling.changed == position.changed:
        return True  # once is enough: reading on looks at it as well
    if is_finished(position):
        return False
    # What is still empty may be older than what a late writer wrote to the log before it.
    may_be = position.offset or not sibling.size or sibling.changed >= position.changed
    return bool(may_be) and _matches(position, sibling, until)


def _find_copy(position: Position, current: int) -> Position | None:
    """Return the copy that was made of a file before it was truncated, by what stands before our place in it."""
    if not position.offset:
        return None
    for sibling in itertools.chain(siblings(position.path), below(position.path)):
        if sibling.inode != current and not sibling.packed and _matches(position, sibling):
            return replace(position, path=sibling.path, inode=sibling.inode)
    return None


def _find_packed(position: Position, until: float) -> Position | None:
    """Return the compressed file that holds what we have read of this one. It keeps the time of the last writing."""
    if not position.offset:
        return None
    for sibling in itertools.chain(reversed(list(siblings(position.path))), below(position.path)):
        if time.monotonic() > until:
            return None
        if (
            sibling.packed
            and is_written_since(sibling.changed, position.changed)
            and _matches(position, sibling, until)
        ):
            size = max(position.size, position.offset + 1)  # not read to its end yet, for all we know
            return replace(position, path=sibling.path, inode=sibling.inode, size=size)
    return None


def _has_nothing_new(position: Position, others: list[Position]) -> bool:
    """Tell whether a compressed file has the time of the last writing that we have seen: then it has nothing new."""
    whole = position.size == position.offset + position.tail
    return whole and any(
        one.path.endswith(READABLE + UNREADABLE)
        and one.changed <= position.changed
        and is_written_since(one.changed, position.changed)
        for one in siblings(position.path)
        if one.inode not in {other.inode for other in others}
    )


def rotations_since(
    current: Position, inode: int, positions: list[Position], until: float
) -> tuple[list[Position], str]:
    """Return the logs that came and were rotated away since the last look, oldest first; and what cannot be read.

    They were written to after all that we have seen, or in the same tick of the clock: what had that time at the last
    look is known. Their names are the log's with a number or a date.
    """
    if not current.changed:  # it was never there, or seen by a version that did not remember this
        return [], ""
    known_inodes = {position.inode for position in positions} | {inode}
    beside = _beside(current, positions)
    names = {sibling.path for sibling in beside}
    newer = [
        sibling
        for sibling in beside
        if _may_be_new(sibling, current.changed, until)
        and sibling.inode not in known_inodes
        # While a file is being compressed, it is still there itself.
        and not (sibling.path.endswith(READABLE + UNREADABLE) and sibling.path.rpartition(".")[0] in names)
    ]
    readable = [Position(one.path, one.inode) for one in reversed(newer) if not one.path.endswith(UNREADABLE)]
    unreadable = [Path(one.path).name for one in newer if one.path.endswith(UNREADABLE)]
    return readable, f"{unreadable[0]} cannot be unpacked here" if unreadable else ""


def _beside(current: Position, positions: list[Position]) -> list[Sibling]:
    """Return all that may be rotations of the log: by its name, or where and how those are named that we know."""
    log, name = current.path, Path(current.path).name
    files = dict.fromkeys((*rotations(log), *in_old_folders(log, current.changed)))
    for one in positions:
        usual = one.path == log or is_rotation(name, Path(one.path).name)
        files |= dict.fromkeys(
            rotations(str(Path(one.path).parent / name)) if usual else siblings_with_other_numbers(one.path)
        )
    return sorted(files, key=lambda sibling: sibling.changed, reverse=True)


def _may_be_new(sibling: Sibling, changed: int, until: float) -> bool:
    """Tell whether a file was written to when we last saw a writing, or later."""
    # What cannot be unpacked, or not in time, and has just that time is mostly what we have read.
    if sibling.path.endswith(UNREADABLE) or time.monotonic() > until:
        return sibling.changed > changed
    return is_written_since(sibling.changed, changed)


def _matches(position: Position, sibling: Sibling, until: float = math.inf) -> bool:
    """Tell whether the file is the one that was read: as long as that, and the same before the place."""
    if sibling.path.endswith(UNREADABLE):
        return False
    try:
        if sibling.packed:
            with open_packed(sibling.path, until) as content:
                return is_read(content, position)
        with open_log(sibling.path) as file:
            state = regular(file)
            return state.st_ino == sibling.inode and is_read(PlainFile(file, state.st_size), position)
    except OSError:
        return False
