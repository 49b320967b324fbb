"""How long ago something was, as Docker says it to people: `3 hours`, `About a minute`."""

from __future__ import annotations

import re

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
UNITS = {
    "second": 1.0,
    "minute": MINUTE,
    "hour": HOUR,
    "day": DAY,
    "week": 7 * DAY,
    "month": 30 * DAY,
    "year": 365 * DAY,
}
WORDS = {"less than a second": (0.0, 1.0), "about a minute": (MINUTE, 2 * MINUTE), "about an hour": (HOUR, 2 * HOUR)}


def read_age(text: str) -> tuple[float, float] | None:
    """Return the least and the most seconds that the text can mean; None where it names no age.

    Source: HumanDuration() of docker/go-units. Hours are rounded there, all else is cut.
    """
    for words, age in WORDS.items():
        if words in text.lower():
            return age
    match = re.search(r"\b(\d+) (second|minute|hour|day|week|month|year)s?\b", text)
    if match is None:
        return None
    unit = UNITS[match[2]]
    least = int(match[1]) * unit
    return (least - unit / 2 if match[2] == "hour" else least), least + unit
