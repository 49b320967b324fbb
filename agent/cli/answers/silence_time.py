"""How long a silence lasts, as a person types it."""

from __future__ import annotations

from agent.model import LONGEST_SILENCE_SECONDS
from agent.plugin.units import Duration, duration_text

USUAL = "1h"


def parse_length(text: str | None) -> float:
    """Return the seconds that `--for` says, the usual ones for None; ValueError where it is no length of a silence."""
    try:
        seconds = float(Duration.parse(text or USUAL))
    except ValueError as error:
        raise ValueError(f"--for: {error}") from None
    if not 0 < seconds <= LONGEST_SILENCE_SECONDS:
        raise ValueError(f"--for: {text} is no silence: write from 1s to {duration_text(LONGEST_SILENCE_SECONDS)}")
    return seconds
