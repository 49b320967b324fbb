"""Follows all logs that a path with wildcards means: of a day each, or of a program each."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from checks._walking import ClosedFolder, TooManyError, walk
from checks.log.beside import is_rotation
from checks.log.following import TICK, Block, Progress, Steps, follow
from checks.log.links import real_path
from checks.log.packed import READABLE, UNREADABLE, is_finished
from checks.log.position import Position
from checks.log.rotation import look_at, rotations_since

MOST_LOGS = 200
LONGEST_AWAY = 86_400.0
"""Seconds since the last look after which nobody knows what of a new log is new."""
QUIET_SECONDS = 3600.0
"""A log that nobody wrote to for so long may be removed without a word: nothing of it is lost."""


class Several(NamedTuple):
    """What is to be remembered of each log, and what there is to say of all."""

    logs: dict[str, list[Position]]
    progress: Progress
    faults: tuple[str, ...]
    """Which logs could not be read, and why."""


def follow_several(
    pattern: str,
    last: Mapping[str, list[Position]] | None,
    until: float,
    encoding: str,
    now: float,
    last_look: float = 0.0,
) -> Steps[Several]:
    """Follow every log that matches, and to their ends those that matched before; a new one from its beginning.

    `until` is monotonic seconds, `now` and `last_look` (0: not known) seconds since 1970.
    """
    logs: dict[str, list[Position]] = {}
    progresses: list[Progress] = []
    matching = logs_of(pattern, last or ())
    faults = [matching.fault] if matching.fault else []
    since = last_look if now - last_look < LONGEST_AWAY else 0.0
    places = _places(last or {}, matching)
    for path in sorted({*matching.logs, *places} - matching.other_names):
        before, lost = _before(path, last, places, since, until)
        if before:
            logs[path] = before
        if time.monotonic() > until:
            progresses.append(Progress([], more=True, lost=lost))
            continue
        try:
            progress = yield from _follow_one(path, before, lost, until, encoding, now)
        except OSError as error:
            faults.append(f"{path}: {(error.strerror or str(error)).lower()}")
            continue
        progresses.append(progress)
        logs[path] = progress.files
        if path not in matching.logs and progress.missing and all(map(is_finished, progress.files[:-1])):
            del logs[path]  # it is removed, and read to its end
    return Several(logs, _together(progresses, first=last is None, missing=not matching.logs), tuple(faults))


def _follow_one(
    path: str, before: list[Position] | None, lost: str, until: float, encoding: str, now: float
) -> Steps[Progress]:
    """Follow one of the logs; `lost` says what is lost of it already."""
    progress = yield from _with_name(follow(path, before, until, encoding), Path(path).name)
    return _without_old_loss(replace(progress, lost=progress.lost or lost), path, before, now)


def _before(
    path: str,
    last: Mapping[str, list[Position]] | None,
    places: Mapping[str, list[Position]],
    since: float,
    until: float,
) -> tuple[list[Position] | None, str]:
    """Return how far a log was read, a new one with what was rotated away of it `since`; and what is lost of that."""
    if last is None or path in places:
        return places.get(path), ""
    new = Position(path)
    rotated, fault = rotations_since(replace(new, changed=max(0, int(since * 1e9) - TICK)), 0, [], until)
    known_inodes = {position.inode for positions in last.values() for position in positions}
    return [*(one for one in rotated if one.inode not in known_inodes), new], fault


def _places(last: Mapping[str, list[Position]], matching: Matching) -> dict[str, list[Position]]:
    """Return how far each log was read, by the name that it has now: one log may have got the name of another."""
    names = {matching.inodes[path]: path for path in matching.logs}
    renamed = {}
    for path, positions in last.items():
        place = positions[-1]
        name = names.get(place.inode, path)
        # Two logs on two file systems may have one inode.
        if name != path and _is_at(name, place) and not _is_at(path, place):
            renamed[path] = name
    stay = {path: positions for path, positions in last.items() if path not in renamed}
    return stay | {new: last[path] for path, new in renamed.items()}


def _is_at(path: str, position: Position) -> bool:
    with suppress(OSError):
        return position.offset > 0 and look_at(real_path(path), position) == (position.inode, True)
    return False


class Matching(NamedTuple):
    """What a pattern means now."""

    logs: list[str]
    other_names: set[str]
    """Further names of the same files: a link to today's log beside that log."""
    inodes: dict[str, int]
    fault: str = ""
    """Why there may be more than are followed."""


def logs_of(pattern: str, known_logs: Collection[str] = ()) -> Matching:
    """Return the regular files that match, without the rotations of others among them.

    Of several names of one file the one of `known_logs` stays, and of too many logs those of `known_logs`.
    """
    paths, fault = _matching_paths(pattern)
    by_file: dict[tuple[int, int], list[str]] = {}
    for path in paths:
        if not path.endswith(READABLE + UNREADABLE) and (file := _file(path)):
            by_file.setdefault(file, []).append(path)
    inodes = {_own_name(names, known_logs): inode for (_, inode), names in by_file.items()}
    files = list(inodes)
    other_names = {path for names in by_file.values() for path in names} - {*files}
    logs = _without_rotations(files)
    if len(logs) <= MOST_LOGS:
        return Matching(logs, other_names, inodes, fault)
    first = sorted(logs, key=lambda path: (path not in known_logs, path))[:MOST_LOGS]
    fault = f"{len(logs)} logs match {pattern}, {MOST_LOGS} of them are followed: write several checks"
    return Matching(first, other_names, inodes, fault)


def _matching_paths(pattern: str) -> tuple[list[str], str]:
    """Return what the pattern leads to, and why that may not be all."""
    closed, paths = ClosedFolder(), []
    try:
        for path in walk(pattern, closed):
            paths.append(os.fspath(path))
    except TooManyError:
        closed.first = closed.first or f"{pattern} leads over too many names: name a smaller folder"
    return paths or [pattern], closed.first  # a name like `[1].log` matches nothing, and may be there all the same


def _without_rotations(files: list[str]) -> list[str]:
    names: dict[str, set[str]] = {}
    for path in files:
        names.setdefault(str(Path(path).parent), set()).add(Path(path).name)
    return [path for path in files if not _is_rotated(Path(path).name, names[str(Path(path).parent)])]


def _own_name(paths: list[str], known_logs: Collection[str]) -> str:
    """Return the name that is no link and leads over none, where there is one."""
    if len(paths) == 1:
        return paths[0]
    return min(paths, key=lambda path: (os.path.realpath(path) != path, path not in known_logs, path))


def _is_rotated(name: str, others: set[str]) -> bool:
    # A rotation begins like its log, so only names that are beginnings of it, up to a dot or dash, are asked.
    return any(other != name and name.startswith(other.split(".")[0]) and is_rotation(other, name) for other in others)


def _file(path: str) -> tuple[int, int] | None:
    """Return what tells one regular file from all others; None for anything else."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return (state.st_dev, state.st_ino) if stat.S_ISREG(state.st_mode) else None


def _with_name(steps: Steps[Progress], name: str) -> Steps[Progress]:
    answer: int | None = None
    while True:
        try:
            block: Block = steps.send(answer)  # type: ignore[arg-type]  # None begins
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = yield block._replace(name=name)


def _without_old_loss(one: Progress, path: str, before: list[Position] | None, now: float) -> Progress:
    quiet = before and one.missing and now - before[-1].changed / 1e9 > QUIET_SECONDS
    lost = "" if quiet or not one.lost else f"{path}: {one.lost}"
    return replace(one, lost=lost)


def _together(progresses: list[Progress], *, first: bool, missing: bool) -> Progress:
    lost = [one.lost for one in progresses if one.lost]
    more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
    return Progress(
        [],
        sum(one.unread for one in progresses),
        first=first,
        missing=missing,
        lost="".join(lost[:1]) + more,
        more=any(one.more for one in progresses),
    )
