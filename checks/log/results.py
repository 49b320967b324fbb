"""What the lines of one run say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from agent.api import Level, Metric, Result, Status, judge, nodata, ok, size_text
from checks.log.matching import Counter
from checks.log.ways import Look

SHOWN_FAULTS = 10


class Levels(NamedTuple):
    """From which count of lines on it is bad, and what it is worth where lines may be missing."""

    pattern: str
    warning: Level | None
    critical: Level | None
    lost: Status


def results(levels: Levels, counter: Counter, look: Look) -> Iterator[Result | Metric]:
    """Say what came of following a log: its lines that match, and what may be missing."""
    progress = look.progress
    if progress.missing:
        yield nodata(f"{look.name} is not there")
        if not counter.count:
            return
    if look.faults:
        more = f" (and {len(look.faults) - 1} more)" if len(look.faults) > 1 else ""
        yield nodata(look.faults[0] + more, details="\n".join(look.faults[:SHOWN_FAULTS]))
    if progress.first:
        yield ok(f"{look.name} is followed from its end on")
        return
    if counter.slow:
        yield nodata(_slow(counter))
    if progress.lost:
        yield Result(levels.lost, f"{progress.lost}: lines written since the last run may be missing")
    if not (_unsure(levels, counter, look) and _too_few(levels, counter.count)):
        yield _count(levels, counter)
    if progress.unread:
        yield ok(f"{size_text(progress.unread)} are still to be read")
    elif progress.more:
        yield ok("more is still to be read")
    if look.of_files:
        yield Metric("unread", progress.unread, "B", minimum=0)


def _count(levels: Levels, counter: Counter) -> Result:
    matching = "1 line matches" if counter.count == 1 else f"{counter.count} lines match"
    result = judge(
        "lines", counter.count, levels.warning, levels.critical, summary=f"{matching} {levels.pattern!r}", minimum=0
    )
    return msgspec.structs.replace(result, details="\n".join(counter.excerpt()))


def _slow(counter: Counter) -> str:
    lines = "a line" if counter.slow == 1 else f"{counter.slow} lines"
    return f"passed over {lines} of up to {counter.slow_length} characters: the pattern takes too long on them"


def _unsure(levels: Levels, counter: Counter, look: Look) -> bool:
    progress = look.progress
    gaps = progress.unread or progress.more or (progress.lost and levels.lost is not Status.OK)
    return bool(counter.slow or look.faults or gaps)


def _too_few(levels: Levels, count: int) -> bool:
    """Tell whether the count is bad only because it is low: lines that were not judged may be what it lacks."""
    given = [level for level in (levels.critical, levels.warning) if level is not None]
    return any(level.passed_by(count) and not level.passed_by(math.inf) for level in given)
