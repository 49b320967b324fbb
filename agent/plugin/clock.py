"""The clock on the wall: for telling, and for ages. Who waits takes `time.monotonic`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple


def wall_clock() -> int:
    """Return Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Clocks(NamedTuple):
    """What to ask for the time, for who tells and waits."""

    wall: Callable[[], int] = wall_clock
    """Unix milliseconds."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds."""
