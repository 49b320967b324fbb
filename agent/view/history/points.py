"""One metric's open hour: a value a minute as float32, and low, high, mean and count of all that came."""

from __future__ import annotations

import math
from array import array

import msgspec

SLOTS = 60
NOTHING = array("f", [math.nan] * SLOTS)

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
    """The hour that is being filled. The history's thread owns it."""

    __slots__ = ("count", "dirty", "high", "hour", "id", "latest", "low", "slots", "total", "unread")

    def __init__(self) -> None:
        self.id = 0
        """In the file; 0: not known yet."""
        self.hour = 0
        self.latest = 0
        """The latest hour that ever came."""
        self.unread = True
        """A part of this hour may be written already: by an agent before, or before the clock was set back."""
        self._clear()

    def _clear(self) -> None:
        self.slots = array("f", NOTHING)
        self.count = 0
        self.total = 0.0
        self.low = math.inf
        self.high = -math.inf
        self.dirty = False

    def begin(self, hour: int) -> None:
        self.unread = hour <= self.latest or not self.latest
        self.hour, self.latest = hour, max(hour, self.latest)
        self._clear()

    def add(self, minute: int, value: float) -> None:
        """Take a finite value; `minute` within the hour."""
        self.slots[minute] = value
        self.count += 1
        self.total += value
        if value < self.low:
            self.low = value
        if value > self.high:
            self.high = value
        self.dirty = True

    def resume(self, whole: Block) -> None:
        """Go on with a block that holds what is here and what was written before."""
        self.slots = array("f", whole.data)
        self.count, self.total = whole.count, whole.mean * whole.count
        self.low, self.high = whole.low, whole.high
        self.unread = False

    def block(self) -> Block:
        return Block(self.hour, self.slots.tobytes(), self.count, self.low, self.high, self.total / self.count)


def join_blocks(before: Block | None, block: Block) -> Block:
    """Return an hour with what was written of it before; where both have a minute, the later one counts."""
    if before is None or len(before.data) != len(block.data):
        return block
    old, new = array("f", before.data), array("f", block.data)
    count = before.count + block.count
    return Block(
        block.hour,
        array("f", [one if math.isnan(two) else two for one, two in zip(old, new, strict=True)]).tobytes(),
        count,
        min(before.low, block.low),
        max(before.high, block.high),
        (before.mean * before.count + block.mean * block.count) / count,
    )
