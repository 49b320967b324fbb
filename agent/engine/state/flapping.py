"""Pure: flap detection as Icinga 2 and Nagios 4 reckon it, over what is decided instead of every single result.

A subject whose blips `fail_after` swallows is not told of, so it does not flap either.
"""

from __future__ import annotations

from typing import Any

from agent.model import Flapping, State, Status

WINDOW = 20
"""Changes that are looked at, of 21 results: as many as Nagios and Icinga look at."""
WEIGHTS = {
    "icinga": [0.8 + 0.02 * age for age in range(WINDOW)],
    "nagios": [0.75 + age * 0.5 / (WINDOW - 1) for age in range(WINDOW)],
}
"""Of transitions, oldest first. Source: icinga2 lib/icinga/checkable-flapping.cpp, nagioscore base/flapping.c."""


def flaps(state: State, decided: Status | None, flapping: Flapping | None) -> dict[str, Any]:
    """Return the fields of the state that flap detection moves, given what is decided now."""
    if flapping is None:
        return {"changes": 0, "flapping": False}
    changed = state.decided is not None and decided is not state.decided
    changes = ((state.changes << 1) | changed) & ((1 << WINDOW) - 1)
    return {"changes": changes, "flapping": is_flapping(state.flapping, percent(changes, flapping.formula), flapping)}


def percent(changes: int, formula: str) -> float:
    """Return the weighted share of changes among the last 20 results, in per cent."""
    weights = WEIGHTS[formula]
    return 100 / WINDOW * sum(weights[WINDOW - 1 - bit] for bit in range(WINDOW) if changes >> bit & 1)


def is_flapping(before: bool, percentage: float, flapping: Flapping) -> bool:
    """Tell whether a subject flaps, by its share of changes: Nagios begins at the upper threshold, Icinga above it."""
    if before:
        return percentage > flapping.low
    return percentage >= flapping.high if flapping.formula == "nagios" else percentage > flapping.high
