"""One metric's hour: a value a minute as float32, and low, high, mean and count of all that came."""

from __future__ import annotations

import math
from array import array

import msgspec

SLOTS = 60
NOTHING = array("f")

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
    """What came of one metric in one hour and is not written yet. The history's thread owns it.

    Thousands are kept, so each holds only the minutes between the first and the last that have a value.
    """

    __slots__ = ("_first", "_values", "count", "high", "hour", "low", "number", "total")

    def __init__(self, number: int, hour: int) -> None:
        self.number = number
        """In the file; 0: not known yet."""
        self.hour = hour
        self.clear()

    def clear(self) -> None:
        """All is written."""
        self._first = 0
        self._values = NOTHING
        self.count = 0
        self.total = 0.0
        self.low = math.inf
        self.high = -math.inf

    def add(self, minute: int, value: float) -> None:
        """Take a finite value; `minute` within the hour."""
        at = minute - self._first
        if not self.count:
            self._first, self._values = minute, array("f", (value,))
        elif at == len(self._values):
            self._values.append(value)
        elif 0 <= at < len(self._values):
            self._values[at] = value
        else:
            self._widen(minute, value)
        self.count += 1
        self.total += value
        if value < self.low:
            self.low = value
        if value > self.high:
            self.high = value

    def _widen(self, minute: int, value: float) -> None:
        one = array("f", (value,))
        if minute > self._first:
            self._values += _empty(minute - self._first - len(self._values)) + one
        else:  # the clock was set back
            self._values = one + _empty(self._first - minute - 1) + self._values
            self._first = minute

    def block(self, before: Block | None) -> Block:
        """Return the hour with what was written of it before; where both have a minute, the later one counts."""
        if before is None or len(before.data) != len(ALL_EMPTY):
            before = Block(self.hour, ALL_EMPTY, 0, math.inf, -math.inf, 0.0)
        slots = array("f", before.data)
        for minute, value in enumerate(self._values, self._first):
            if not math.isnan(value):
                slots[minute] = value
        count = before.count + self.count
        low, high = min(before.low, self.low), max(before.high, self.high)
        mean = before.mean * (before.count / count) + self.total / count
        return Block(self.hour, slots.tobytes(), count, low, high, mean)


def _empty(minutes: int) -> array[float]:
    return array("f", (math.nan,)) * minutes


ALL_EMPTY = _empty(SLOTS).tobytes()
