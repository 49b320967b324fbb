"""Time spans and sizes as people say them."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta


def duration_text(seconds: float) -> str:
    """Say a time span for people: `12ms`, `1.5s`, `2m 5s`, `3h 10m`, `4d 6h`."""
    if not math.isfinite(seconds):
        return "an endless time"
    if seconds < 0.9995:  # from there on, three digits of milliseconds are a second
        return f"{seconds * 1000:.3g}ms" if seconds >= 1e-6 else "0ms"
    if seconds < 60:
        return f"{seconds:.3g}s"
    whole = round(seconds)
    for size, unit, smaller, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size}{unit}" + (f" {rest}{small_unit}" if rest else "")
    return f"{whole}s"


def utc(at: int) -> datetime:
    """Return a moment in Unix milliseconds, whoever said it: what no calendar has is the nearest one that it has."""
    return _EPOCH + timedelta(milliseconds=min(max(at, -_FURTHEST), _FURTHEST))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FURTHEST = 60_000_000_000_000
"""The year 3871; and 68, before our era's calendars."""


def clock_text(at: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Say a moment in Unix milliseconds by the host's clock on the wall."""
    return time.strftime(form, time.localtime(min(max(at, -_FURTHEST), _FURTHEST) / 1000))


def size_text(number: float) -> str:
    """Say a number of bytes for people: `512 B`, `1.5 GiB`."""
    if abs(number) < 1024:
        return f"{number:g} B"
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        number /= 1024
        if abs(number) < 1024 or unit == "EiB":
            return f"{number:.3g} {unit}" if abs(number) < 100 else f"{number:.0f} {unit}"
    raise AssertionError("the last unit takes all")
