"""What is read: one log, several, the journal. Each goes on from what the check remembers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from agent.api import CheckError, Context
from checks.log import journal
from checks.log.following import Progress, drive, follow
from checks.log.matching import Counter
from checks.log.position import Position
from checks.log.several import follow_several
from checks.log.units import find_problem


class Look(NamedTuple):
    """What came of reading the logs, or the journal: `name` is what was read."""

    name: str
    progress: Progress
    faults: tuple[str, ...] = ()
    """What could not be read, beside what could."""
    of_files: bool = True


def of_one(path: str, encoding: str, ctx: Context, counter: Counter, until: float) -> Look:
    """Follow one file; CheckError where it cannot be read. `until` is monotonic seconds."""
    last = _recall(ctx, path, "files", list[Position])
    try:
        progress = drive(follow(path, last, until, encoding), counter.judge, _within_deadline(ctx, path, until))
    except OSError as error:
        raise CheckError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    ctx.memory.update(path=path, files=msgspec.to_builtins(progress.files))
    return Look(path, progress)


def of_several(path: str, encoding: str, ctx: Context, counter: Counter, until: float) -> Look:
    """Follow all files that a pattern means. `until` is monotonic seconds."""
    last = _recall(ctx, path, "logs", dict[str, list[Position]])
    now = ctx.now()
    steps = follow_several(path, last, until, encoding, now, ctx.memory.get("looked_at", 0.0))
    several = drive(steps, counter.judge, _within_deadline(ctx, path, until))
    ctx.memory.update(path=path, logs=msgspec.to_builtins(several.logs), looked_at=now)
    return Look(path, several.progress, several.faults)


def of_units(units: Sequence[str], ctx: Context, counter: Counter, until: float) -> Look:
    """Read what units wrote to the journal. `until` is monotonic seconds."""
    memory, now = ctx.memory, ctx.now()
    first = memory.get("units") != [*units]
    if first:
        if problem := find_problem(ctx, units):
            raise CheckError(problem)
        place = journal.at_end(ctx)
    else:
        place = journal.read(ctx, units, journal.Place(memory["cursor"]), memory["at"], until, counter.line)
    memory.update(units=[*units], cursor=place.cursor, at=now)
    progress = Progress([], first=first, more=place.more, lost=place.lost)
    return Look(f"the journal of {', '.join(units)}", progress, of_files=False)


def _recall(ctx: Context, path: str, key: str, kind: Any) -> Any:
    """Return what was remembered of this path; None of another."""
    return msgspec.convert(ctx.memory.get(key), kind | None) if ctx.memory.get("path") == path else None


def _within_deadline(ctx: Context, path: str, until: float) -> Callable[[Callable[[], Any]], Any]:
    def call(step: Callable[[], Any]) -> Any:
        # After that no file is touched any more, so that a line which took too long costs no more than itself.
        return step() if time.monotonic() > until else ctx.call(f"log {ctx.check} {path}", step)

    return call
