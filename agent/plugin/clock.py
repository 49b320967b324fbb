"""The clock on the wall: for telling, and for ages. Who waits takes `time.monotonic`."""

from __future__ import annotations

import time


def wall_clock() -> int:
    """Return Unix milliseconds."""
    return time.time_ns() // 1_000_000
