"""Time spans and sizes as people say them."""

from __future__ import annotations


def duration_text(seconds: float) -> str:
    """Say a time span for people: `12ms`, `1.5s`, `2m 5s`, `3h 10m`, `4d 6h`."""
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


def size_text(number: float) -> str:
    """Say a number of bytes for people: `512 B`, `1.5 GiB`."""
    if abs(number) < 1024:
        return f"{number:g} B"
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        number /= 1024
        if abs(number) < 1024 or unit == "EiB":
            return f"{number:.3g} {unit}" if abs(number) < 100 else f"{number:.0f} {unit}"
    raise AssertionError("the last unit takes all")
