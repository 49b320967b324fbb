"""What a check finds by itself and has seen for long: only that is missed. Shared by check types.

A mount, an array or a subject of a script that lived for minutes is nobody's loss. One that was there for a day is
missed for a day, and then forgotten: who wants to be told for longer names it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from agent.api import Result, duration_text, nodata

LASTING = 86_400.0
"""Seconds that something must have been there to be missed, and for which it is missed."""
MOST = 1000
"""So many are remembered."""


def find_missing(memory: dict[str, Any], there: Collection[str], choice: str, now: float) -> Iterator[Result]:
    """Note what is seen now, and yield a result for each that lasted and is gone; `now` in Unix seconds.

    `choice` says in any form what the settings choose: what was seen under another choice is not missed.
    """
    before: dict[str, list[float]] = memory.get("lasting", {})
    if memory.get("lasting_choice", choice) != choice:
        before = {subject: times for subject, times in before.items() if subject in there}
    lasting: dict[str, list[float]] = {}
    for subject in sorted(there)[:MOST]:
        first = before.get(subject, [now])[0]
        lasting[subject] = [min(first, now)]
    for subject, (first, *gone_since) in before.items():
        since = min(gone_since[0], now) if gone_since else now
        if subject in there or since - first < LASTING or now - since >= LASTING:
            continue
        lasting[subject] = [first, since]
        ago = f" for {duration_text(now - since)}" if now - since >= 1 else ""
        words = f"{subject} is gone{ago}; it was there for {duration_text(since - first)}"
        yield nodata(words, subject, discovered=True)
    memory["lasting"], memory["lasting_choice"] = lasting, choice
