"""How much it takes before a status is believed, and when it is told again."""

from __future__ import annotations

import msgspec


class Count(msgspec.Struct, frozen=True):
    """How many results of a kind it takes: `times` in a row, or `times` of the last `of`; and for how long."""

    times: int = 1
    of: int = 0
    seconds: float = 0.0


class FailAfter(msgspec.Struct, frozen=True):
    """What it takes before a bad status is believed."""

    warning: Count = Count()
    critical: Count = Count()
    nodata: Count = Count()


class Flapping(msgspec.Struct, frozen=True):
    """When a subject counts as flapping: per cent of the last 20 results that changed what is decided, weighted."""

    formula: str = "icinga"
    """`icinga` or `nagios`: how recent changes are weighted."""
    low: float = 25.0
    high: float = 30.0


class Policy(msgspec.Struct, frozen=True):
    """How results become a decided status, and a decided status a report."""

    fail_after: FailAfter = FailAfter()
    recover_after: int = 1
    flapping: Flapping | None = Flapping()
    repeat_every: float = 0.0
    """Seconds until a lasting problem is told again, doubling up to a day; 0: never."""
    patience: float = 120.0
    """Seconds that one result can speak for; more between two results is a jump of the clock, or nobody looked."""
