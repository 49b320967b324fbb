"""What the lines of one run say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from agent.api import Metric, Result, Status, judge, nodata, ok, size_text
from checks.log.matching import Counter
from checks.log.ways import Look

if TYPE_CHECKING:
    from checks.log.check import Log

SHOWN_FAULTS = 10


def results(check: Log, counter: Counter, look: Look) -> Iterator[Result | Metric]:
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
        yield Result(Status(check.lost), f"{progress.lost}: lines written since the last run may be missing")
    if not (_unsure(check, counter, look) and _too_few(check, counter.count)):
        yield _count(check, counter)
    if progress.unread:
        yield ok(f"{size_text(progress.unread)} are still to be read")
    elif progress.more:
        yield ok("more is still to be read")
    if not check.units:
        yield Metric("unread", progress.unread, "B", minimum=0)


def _count(check: Log, counter: Counter) -> Result:
    matching = "1 line matches" if counter.count == 1 else f"{counter.count} lines match"
    result = judge(
        "lines", counter.count, check.warning, check.critical, summary=f"{matching} {str(check.pattern)!r}", minimum=0
    )
    return msgspec.structs.replace(result, details="\n".join(counter.excerpt()))


def _slow(counter: Counter) -> str:
    lines = "a line" if counter.slow == 1 else f"{counter.slow} lines"
    return f"passed over {lines} of up to {counter.slow_length} characters: the pattern takes too long on them"


def _unsure(check: Log, counter: Counter, look: Look) -> bool:
    progress = look.progress
    gaps = progress.unread or progress.more or (progress.lost and check.lost != "ok")
    return bool(counter.slow or look.faults or gaps)


def _too_few(check: Log, count: int) -> bool:
    """Tell whether the count is bad only because it is low: lines that were not judged may be what it lacks."""
    levels = [level for level in (check.critical, check.warning) if level is not None]
    return any(level.passed_by(count) and not level.passed_by(math.inf) for level in levels)
