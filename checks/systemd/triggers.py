"""Timers and what they trigger: where a start fails for what the unit requires, neither unit's state tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agent.api import Result, critical, duration_text
from checks.systemd.units import Unit

SLACK = 2.0
"""Seconds between a timer's turn and the start that it asked for; systemctl tells moments in whole seconds."""


class Pair(NamedTuple):
    """A timer and the unit that it starts, by their names; `subject` is the one that the settings name."""

    timer: str
    unit: str
    subject: str


def find_pairs(units: Mapping[str, Unit], expected: str) -> list[Pair]:
    """Return the pairs that tell more than the named units alone do."""
    return [] if expected == "inactive" else [pair for name, unit in units.items() for pair in _pairs(name, unit)]


def _pairs(name: str, unit: Unit) -> Iterator[Pair]:
    if not unit.is_loaded:
        return
    if name.endswith(".timer"):
        if unit.triggers and unit.has_triggered:
            yield Pair(name, unit.triggers, name)
    elif unit.active == "inactive":
        for timer in unit.timers:
            yield Pair(timer, name, name)


def names_of(pairs: Sequence[Pair]) -> list[str]:
    """Return the units to ask for, the timers first: what comes between two answers is then the unit's start."""
    return [*dict.fromkeys([pair.timer for pair in pairs] + [pair.unit for pair in pairs])]


def assess_pairs(pairs: Sequence[Pair], units: Mapping[str, Unit], now: float) -> Iterator[Result]:
    """Tell the units that were not started when it was their turn. `now` in Unix seconds."""
    for timer, unit, subject in pairs:
        turn = units[timer].last_run if timer in units and units[timer].has_triggered else None
        if turn is not None and unit in units and has_missed(units[unit], turn):
            ago = duration_text(max(0.0, now - turn))
            words = f"{timer} triggered {unit} {ago} ago, and it did not start"
            yield critical(words, subject, f"see: journalctl -u {unit}")


def has_missed(unit: Unit, turn: float) -> bool:
    """Tell whether a unit is still as it was before a timer's turn (Unix seconds), and no start of it waits."""
    rests = unit.is_loaded and unit.active in ("inactive", "failed")
    return rests and not unit.has_job and (unit.touched_at or 0.0) < turn - SLACK
