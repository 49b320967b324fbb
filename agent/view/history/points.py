"""An hour of metrics: of each a value a minute as float32, and low, high, mean and count of all that came."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from agent.config.once import once

SLOTS = 60
NOTHING = array("f")
NO_SUMS = array("d")
NO_SUM = array("d", (0.0, 0.0, math.inf, -math.inf))

Name = tuple[str, str]
"""Metric and unit."""
Names = tuple[Name, ...]
Subject = tuple[str, str]
"""Check and subject."""
Key = tuple[str, str, str, str]
"""Check, subject, metric, unit."""


class Block(msgspec.Struct, frozen=True):
    """One hour of one metric."""

    hour: int
    """Hours since 1970."""
    data: bytes
    """60 float32 of the machine, NaN where no value came in that minute."""
    count: int
    low: float
    high: float
    mean: float


class OpenHour:
    """What came of one subject in one hour and is not written yet. The history's thread owns it.

    Thousands are kept: so a subject's metrics share its numbers, row by row, and only the minutes between the first and
    the last that have a value are held.
    """

    __slots__ = ("_came", "_first", "_sums", "_values", "hour", "names", "numbers")

    def __init__(self, hour: int, names: Names = (), numbers: Sequence[int] = ()) -> None:
        self.hour = hour
        self.names = names
        """Metrics, in the order of all that follows."""
        self.numbers = array("q", numbers)
        """In the file; 0: not known yet."""
        self._came = 0
        """Which metrics came in this hour, as bits."""
        self.clear()

    def clear(self) -> None:
        """Let go of all of it: it is written."""
        self._first = 0
        self._values = NOTHING
        """Minute by minute one value of each metric."""
        self._sums = NO_SUMS
        """Of each metric count, total, low and high."""

    def next(self, hour: int) -> OpenHour:
        """Return a later hour of the subject, with the metrics that came in this one."""
        alive = [at for at in range(len(self.names)) if self._came >> at & 1]
        names = self.names if len(alive) == len(self.names) else tuple(self.names[at] for at in alive)
        return OpenHour(hour, names, [self.numbers[at] for at in alive])

    def widen(self, names: Sequence[Name]) -> None:
        """Have room for some metrics more."""
        width, values = len(self.names), self._values
        self.names = once((*self.names, *names))
        self.numbers.extend([0] * len(names))
        if self._sums:
            rows = (values[at : at + width] + _empty(len(names)) for at in range(0, len(values), width))
            self._values = array("f", chain.from_iterable(rows))
            self._sums = self._sums + NO_SUM * len(names)

    def add(self, minute: int, values: Iterable[tuple[int, float]]) -> None:
        """Take finite values, each with the place of its metric; `minute` within the hour."""
        begin, came = self._begin_of(minute), self._came
        kept, sums = self._values, self._sums
        for at, value in values:
            kept[begin + at] = value
            came |= 1 << at
            first = 4 * at
            sums[first] += 1
            sums[first + 1] += value
            if value < sums[first + 2]:
                sums[first + 2] = value
            if value > sums[first + 3]:
                sums[first + 3] = value
        self._came = came

    def _begin_of(self, minute: int) -> int:
        """Return where the values of this minute begin; there is room for them now."""
        width = len(self.names)
        if not self._sums:
            self._first, self._values, self._sums = minute, _empty(width), NO_SUM * width
        if minute < self._first:  # the clock was set back
            self._values = _empty((self._first - minute) * width) + self._values
            self._first = minute
        begin = (minute - self._first) * width
        if missing := max(0, begin + width - len(self._values)):
            self._values = self._values + _empty(missing)
        return begin

    @property
    def is_waiting(self) -> bool:
        """Something is to be written."""
        return bool(self._sums)

    def waiting(self) -> Iterator[int]:
        """Yield the places of the metrics of which something is to be written."""
        return (at for at in range(len(self._sums) // 4) if self._sums[4 * at])

    def block(self, at: int, before: Block | None) -> Block:
        """Return a metric's hour with what was written of it before; where both have a minute, the later one counts."""
        if before is None or len(before.data) != len(ALL_EMPTY):
            before = Block(self.hour, ALL_EMPTY, 0, math.inf, -math.inf, 0.0)
        slots = array("f", before.data)
        for minute, value in enumerate(self._values[at :: len(self.names)], self._first):
            if not math.isnan(value):
                slots[minute] = value
        new, total, lowest, highest = self._sums[4 * at : 4 * at + 4]
        count = before.count + int(new)
        # The sum of floats may be more than a float holds, their mean never is.
        share = total / count if math.isfinite(total) else (lowest / 2 + highest / 2) * (new / count)
        mean = before.mean * (before.count / count) + share
        return Block(self.hour, slots.tobytes(), count, min(before.low, lowest), max(before.high, highest), mean)


def _empty(minutes: int) -> array[float]:
    return array("f", (math.nan,)) * minutes


ALL_EMPTY = _empty(SLOTS).tobytes()
