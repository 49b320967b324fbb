"""What the state of a unit is worth."""

from __future__ import annotations

from collections.abc import Mapping

from agent.api import Duration, DurationAbove, Result, critical, duration_text, judge, nodata, ok, warning
from checks.systemd.units import MOVING, Unit

RELOAD_SECONDS = 600.0
"""A reload or a stop that takes longer hangs."""
BROKEN = ("bad-setting", "error")
KNOWN = (*MOVING, "active", "inactive", "failed", "maintenance")


def assess_state(name: str, unit: Unit, expected: str, starting: Duration | None, monotonic: float) -> Result:
    """Judge a unit that somebody named; `monotonic` is now, by the clock of the unit's changes."""
    words = unit.words(monotonic)
    if unit.is_loaded and unit.active not in KNOWN:
        return nodata(f"{name} is {words}, a state that is not known here", name)
    if not unit.load:
        return nodata(f"{name}: systemctl does not say how it is", name)
    if unit.runs and not unit.is_loaded and expected != "inactive":
        return warning(f"{name} {words}", name, _see(name))  # as after its package was removed: no start finds it
    if not is_as_expected(unit, expected):
        return _assess_other(name, unit, expected, words)
    if unit.frozen and expected != "inactive":
        return critical(f"{name} {words}, but frozen: systemctl thaw {name}", name)
    if unit.is_loaded and unit.has_next is False and expected != "inactive":
        return critical(f"{name} {words}, but will not run again: it has no next turn", name)
    if hangs(unit, starting, monotonic):
        return warning(f"{name} hangs: {words}", name, _see(name))
    return ok(f"{name} {words}", name)


def is_as_expected(unit: Unit, expected: str) -> bool:
    """Tell whether a unit is active, inactive or not_failed, as the setting `state` says it."""
    if expected == "active":
        return unit.is_loaded and unit.runs
    if expected == "inactive":
        return unit.active == "inactive"
    return unit.is_loaded and unit.active != "failed" and unit.unmet != "assertion"


def _assess_other(name: str, unit: Unit, expected: str, words: str) -> Result:
    """Judge a unit that is not as it is expected."""
    if unit.active == "activating" and expected == "active" and unit.is_loaded:
        return warning(f"{name} {words}", name)
    if unit.load == "not-found" and not unit.runs:
        return critical(f"{name}: systemd knows no such unit", name)
    should = "" if expected == "not_failed" else f", should be {expected}"
    return critical(f"{name} is {words}{should}", name, _see(name))


def hangs(unit: Unit, starting: Duration | None, monotonic: float) -> bool:
    """Tell whether a unit is on its way for too long.

    One that waits for its restart counts as restarting instead; a device that only mounts speak of stays `tentative`.
    """
    if unit.sub.startswith("auto-restart") or unit.sub == "tentative":
        return False
    limit = starting if unit.active == "activating" else RELOAD_SECONDS
    return limit is not None and unit.moving_for(monotonic) >= limit


def assess_last_run(
    name: str, unit: Unit, levels: tuple[DurationAbove | None, DurationAbove | None], now: float
) -> Result | None:
    """Judge when a timer ran last; one that never ran counts from when it was started. `now` in Unix seconds."""
    since = unit.last_run or unit.entered_at
    if not name.endswith(".timer") or (since is None and levels == (None, None)):
        return None
    if since is None:
        return nodata(f"{name}: systemctl does not say when it ran", name)
    ago = max(0.0, now - since)
    words = f"ran {duration_text(ago)} ago" if unit.last_run else f"has not run for {duration_text(ago)}"
    return judge("last_run", ago, *levels, unit="s", subject=name, summary=words, minimum=0)


def assess_all(units: Mapping[str, Unit], starting: Duration | None, monotonic: float) -> Result:
    """Judge those that failed, cannot work, or hang; one result for all."""
    kinds = {
        "failed unit": [name for name, unit in units.items() if unit.active == "failed"],
        "unit with bad settings": [name for name, unit in units.items() if unit.load in BROKEN],
        "hanging unit": [name for name, unit in units.items() if hangs(unit, starting, monotonic)],
    }
    bad = {kind: names for kind, names in kinds.items() if names}
    if not bad:
        return ok("no failed unit")
    words = "; ".join(f"{len(names)} {_plural(kind, len(names))}: {', '.join(names)}" for kind, names in bad.items())
    lines = {
        f"{name} {units[name].words(monotonic)}, see: journalctl -u {name}": 0 for one in bad.values() for name in one
    }
    return warning(words, details="\n".join(lines))


def _plural(kind: str, number: int) -> str:
    return kind if number == 1 else kind.replace("unit", "units")


def _see(name: str) -> str:
    return f"see: systemctl status {name}; journalctl -u {name}"
