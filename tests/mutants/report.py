"""What came out, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

TITLE = "| Room | Faults | Found by a test | Found by time | Survived |\n|---|---|---|---|---|"
SHOW = "\n`.venv/bin/mutmut show NAME` shows one of these:"


class Outcome(Enum):
    FOUND = "found"
    TIME = "time"
    """It makes a test wait for ever."""
    SURVIVED = "survived"
    UNTESTED = "untested"
    """No test calls it: a survivor, too."""


class Result(NamedTuple):
    fault: str
    outcome: Outcome

    @property
    def survived(self) -> bool:
        return self.outcome in (Outcome.SURVIVED, Outcome.UNTESTED)


def progress(results: Sequence[Result], total: int) -> str:
    by_time = sum(result.outcome is Outcome.TIME for result in results)
    survived = sum(result.survived for result in results)
    return f"{len(results):,} of {total:,} tried, {by_time:,} found by time, {survived:,} survived"


def report(results: Sequence[Result], total: int) -> str:
    """Return the table by room and the survivors by function; what was not tried is said below."""
    lines = [TITLE, *table(results), *survivors(results)]
    if len(results) < total:
        lines.append(f"\n{total - len(results):,} of {total:,} faults were not tried.")
    return "\n".join(lines)


def table(results: Sequence[Result]) -> Iterator[str]:
    rooms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        rooms[room(result.fault)]["survived" if result.survived else result.outcome.value] += 1
    for name, counts in sorted(rooms.items()):
        yield f"| {name} | {counts.total():,} | {counts['found']:,} | {counts['time']:,} | {counts['survived']:,} |"


def survivors(results: Sequence[Result]) -> Iterator[str]:
    by_function: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        if result.survived:
            by_function[function(result.fault)].append(result)
    if by_function:
        yield SHOW
    for name, of_function in sorted(by_function.items()):
        yield f"\n{name}"
        for result in of_function:
            yield f"    {result.fault}{' (no test calls it)' if result.outcome is Outcome.UNTESTED else ''}"


def room(fault: str) -> str:
    """Return the folder below the first: `engine` of `agent.engine.counting.x_count__mutmut_1`."""
    return fault.split(".")[1]


def function(fault: str) -> str:
    """Return the function as one writes it: `agent.a.Class.method` of `agent.a.xǁClassǁmethod__mutmut_1`."""
    module, _, name = fault.partition("__mutmut_")[0].rpartition(".")
    return f"{module}.{name.removeprefix('x').removeprefix('_' if 'ǁ' not in name else 'ǁ').replace('ǁ', '.')}"
