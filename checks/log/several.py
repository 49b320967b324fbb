"""Follows all logs that a path with wildcards means: of a day each, or of a program each."""

from __future__ import annotations

import glob
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from agent.api import CheckError
from checks.log.beside import is_rotation
from checks.log.following import Block, Followed, Steps, follow
from checks.log.packed import READABLE, UNREADABLE, is_finished
from checks.log.position import Position

MOST_LOGS = 200
QUIET_SECONDS = 3600.0
"""A log that nobody wrote to for so long may be removed without a word: nothing of it is lost."""


class Several(NamedTuple):
    """What is to be remembered of each log, and what there is to say of all."""

    logs: dict[str, list[Position]]
    followed: Followed
    faults: tuple[str, ...]
    """Which logs could not be read, and why."""


def has_wildcard(path: str) -> bool:
    return any(mark in path for mark in "*?[")


def follow_several(
    pattern: str, last: Mapping[str, list[Position]] | None, until: float, encoding: str, now: float
) -> Steps[Several]:
    """Follow every log that matches, and to their ends those that matched before; a new one from its beginning.

    `until` is monotonic seconds, `now` seconds since 1970.
    """
    logs: dict[str, list[Position]] = {}
    found: list[Followed] = []
    faults: list[str] = []
    matching = matching_logs(pattern)
    for path in sorted({*matching, *(last or ())}):
        before = None if last is None else last.get(path, [Position(path)])
        if time.monotonic() > until:
            found.append(Followed([], more=True))
            logs |= {path: before} if before and path in (last or {}) else {}
            continue
        try:
            one = yield from _named(follow(path, before, until, encoding), Path(path).name)
        except OSError as error:
            faults.append(f"{path}: {(error.strerror or str(error)).lower()}")
            logs |= {path: before} if before else {}
            continue
        found.append(_without_old_loss(one, path, before, now))
        if path in matching or not one.missing or not all(map(is_finished, one.files[:-1])):
            logs[path] = one.files
    return Several(logs, _together(found, first=last is None, missing=not matching), tuple(faults))


def matching_logs(pattern: str) -> list[str]:
    """Return the regular files that match, without the rotations of others among them; CheckError where too many do."""
    found = glob.glob(pattern)  # noqa: PTH207 - the pattern is a whole path
    files = [path for path in found if not path.endswith(READABLE + UNREADABLE) and _is_file(path)]
    names: dict[str, set[str]] = {}
    for path in files:
        names.setdefault(str(Path(path).parent), set()).add(Path(path).name)
    logs = [path for path in files if not _rotated(Path(path).name, names[str(Path(path).parent)])]
    if len(logs) > MOST_LOGS:
        raise CheckError(f"{len(logs)} logs match {pattern}, {MOST_LOGS} are the most: write several checks")
    return logs


def _rotated(name: str, others: set[str]) -> bool:
    # A rotation begins like its log, so only names that are beginnings of it, up to a dot or dash, are asked.
    return any(other != name and name.startswith(other.split(".")[0]) and is_rotation(other, name) for other in others)


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return False


def _named(steps: Steps[Followed], name: str) -> Steps[Followed]:
    answer: int | None = None
    while True:
        try:
            block: Block = steps.send(answer)  # type: ignore[arg-type]  # None begins
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = yield block._replace(name=name)


def _without_old_loss(one: Followed, path: str, before: list[Position] | None, now: float) -> Followed:
    quiet = before and one.missing and now - before[-1].changed / 1e9 > QUIET_SECONDS
    lost = "" if quiet or not one.lost else f"{path}: {one.lost}"
    return msgspec.structs.replace(one, lost=lost)


def _together(found: list[Followed], *, first: bool, missing: bool) -> Followed:
    lost = [one.lost for one in found if one.lost]
    more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
    return Followed(
        [],
        sum(one.unread for one in found),
        first=first,
        missing=missing,
        lost="".join(lost[:1]) + more,
        more=any(one.more for one in found),
    )
