"""Containers that end and are started again: a crash loop looks like `Up 3 seconds` at each look."""

from __future__ import annotations

from typing import Any

from checks.docker.ages import read_age
from checks.docker.api import Container, Inspect, Inspection

SLACK = 3.0
"""Seconds that two looks may differ in when a container was started."""
YOUNG = 60.0


async def count_restarts(
    memory: dict[str, Any],
    container: Container,
    inspect: Inspect,
    now: float,
    within: float,
) -> int:
    """Return how often a running container was started anew in the last `within` seconds, as far as we saw it.

    The list tells that there was a start; how many, and whether by the restart policy or by a person, tells the
    container itself (`inspect`), which is asked only then. `memory` is of this container; `now` in Unix seconds.
    """
    age = read_age(container.Status)
    if age is None:
        return sum(number for _, number in memory.get("recent", ()))
    least, most = age
    recent = [[at, number] for at, number in memory.get("recent", ()) if 0 <= now - at < within]
    again = "started" in memory and now - most > memory["started"] + SLACK
    if again or ("started" not in memory and least < YOUNG):
        number = _since_last(memory, container, await inspect(), again, now, within)
        if number:
            recent.append([now, number])
    if again or "started" not in memory:
        memory["started"] = round(now - least, 3)
    memory["recent"] = recent
    return sum(number for _, number in recent)


def _since_last(
    memory: dict[str, Any], container: Container, inspection: Inspection | None, again: bool, now: float, within: float
) -> int:
    count = inspection.RestartCount if inspection else None
    before = memory.get("count")
    memory["count"] = count
    if count is None:
        return int(again)
    if before is None:
        # What is younger than `within` made all its restarts in that time; of an older one nobody knows.
        is_new = container.created_at and now - container.created_at < within
        return count if is_new else int(again and count > 0)
    return count - before if count > before else 0
