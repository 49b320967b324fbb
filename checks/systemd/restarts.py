"""Services that systemd starts again and again."""

from __future__ import annotations

from typing import Any


def count_restarts(memory: dict[str, Any], name: str, count: int, now: float, within: float) -> int:
    """Return how many of a unit's restarts happened in the last `within` seconds, as far as we saw them.

    The counter begins anew when somebody starts the unit by hand: fewer than before is a new baseline.
    """
    before = memory.setdefault("restarts", {}).get(name, {"count": count, "recent": []})
    recent = [[at, number] for at, number in before["recent"] if 0 <= now - at < within]
    if count > before["count"]:
        recent.append([now, count - before["count"]])
    memory["restarts"][name] = {"count": count, "recent": recent}
    return sum(number for _, number in recent)
