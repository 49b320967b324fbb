"""What is read: one log, several, the journal. Each goes on from what the check remembers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from agent.api import CheckError, Context
from checks.log import journal
from checks.log.following import Followed, follow, followed
from checks.log.matching import Counter
from checks.log.position import Position
from checks.log.several import follow_several

if TYPE_CHECKING:
    from checks.log.check import Log


class Look(NamedTuple):
    """What came of it."""

    name: str
    found: Followed
    faults: tuple[str, ...] = ()
    """What could not be read, beside what could."""


def of_one(check: Log, ctx: Context, counter: Counter, until: float) -> Look:
    files = _remembered(ctx, check.path, "files", list[Position])
    last = None if files is None else list(map(_as_found, files))
    try:
        found = followed(follow(check.path, last, until, check.encoding), counter.judge, _bounded(ctx, check, until))
    except OSError as error:
        raise CheckError(f"{check.path}: {(error.strerror or str(error)).lower()}") from None
    ctx.memory.update(path=check.path, files=_builtins(found.files))
    return Look(check.path, found)


def of_several(check: Log, ctx: Context, counter: Counter, until: float) -> Look:
    logs = _remembered(ctx, check.path, "logs", dict[str, list[Position]])
    last = None if logs is None else {_as_path(name): list(map(_as_found, files)) for name, files in logs.items()}
    steps = follow_several(check.path, last, until, check.encoding, ctx.now())
    several = followed(steps, counter.judge, _bounded(ctx, check, until))
    logs = {_as_text(path): _builtins(files) for path, files in several.logs.items()}
    ctx.memory.update(path=check.path, logs=logs)
    return Look(check.path, several.followed, several.faults)


def of_units(check: Log, ctx: Context, counter: Counter, until: float) -> Look:
    memory, started, units = ctx.memory, ctx.now(), list(check.units)
    first = memory.get("units") != units
    if first:
        place = journal.at_end(ctx)
    else:
        place = journal.read(ctx, units, journal.Place(memory["cursor"]), memory["at"], until, counter.line)
    memory.update(units=units, cursor=place.cursor, at=started)
    return Look(f"the journal of {', '.join(units)}", Followed([], first=first, more=place.more, lost=place.lost))


def _remembered(ctx: Context, path: str, what: str, kind: Any) -> Any:
    """Return what was remembered of this path; None of another."""
    return msgspec.convert(ctx.memory.get(what), kind | None) if ctx.memory.get("path") == path else None


def _builtins(files: list[Position]) -> list[Any]:
    kept: list[Any] = msgspec.to_builtins([replace(file, path=_as_text(file.path)) for file in files])
    return kept


def _as_found(file: Position) -> Position:
    return replace(file, path=_as_path(file.path))


def _as_text(path: str) -> str:
    """Write a path that is no text, as others may name files beside a log, so that it can be remembered."""
    return path if _is_text(path) else f"\0{os.fsencode(path).hex()}"


def _as_path(text: str) -> str:
    return os.fsdecode(bytes.fromhex(text[1:])) if text.startswith("\0") else text


def _is_text(path: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in path)


def _bounded(ctx: Context, check: Log, until: float) -> Callable[[Callable[[], Any]], Any]:
    def call(step: Callable[[], Any]) -> Any:
        # After that no file is touched any more, so that a line which took too long costs no more than itself.
        return step() if time.monotonic() > until else ctx.call(f"log {ctx.check} {check.path}", step)

    return call
