"""The array of Unraid, whose own md driver gives /proc/mdstat as lines of name=value."""

from __future__ import annotations

from msgspec.structs import replace

from agent.api import Metric, Result, critical, nodata, ok, warning

NAME = "unraid"
GOOD = ("DISK_OK", "DISK_NP", "DISK_OK_NP")
"""Works; and a slot that nobody uses."""


def read_values(mdstat: str) -> dict[str, str]:
    """Return the values of Unraid's mdstat; empty for any other."""
    values = dict(line.split("=", 1) for line in mdstat.splitlines() if "=" in line)
    return values if "mdState" in values else {}


def assess(values: dict[str, str]) -> Result:
    """Judge the array by its state and by that of each of its disks."""
    states = {name.partition(".")[2]: value for name, value in values.items() if name.startswith("rdevStatus.")}
    bad = {number: state for number, state in states.items() if state not in GOOD}
    disks = ", ".join(f"disk {number} {state}" for number, state in bad.items())
    metric = Metric("missing", len(bad), minimum=0, subject=NAME)
    return replace(_assess(values, bad, disks), metrics=(metric,) if states else ())


def _assess(values: dict[str, str], bad: dict[str, str], disks: str) -> Result:
    state = values["mdState"]
    counts = [f"{name[2:]}={values[name]}" for name in _COUNTS if values.get(name, "0") != "0"]
    if state != "STARTED":
        return critical(f"{NAME} is {state}" + (f": {disks}" if disks else ""), NAME)
    if not bad and not counts:
        if not any(name.startswith("rdevStatus.") for name in values):
            return nodata(f"{NAME}: mdstat does not say how its disks are", NAME)
        return ok(f"{NAME} is whole", NAME)
    words = f"{NAME} is not whole: {disks or ', '.join(counts)}"
    return warning(words, NAME) if _rebuilding(values) else critical(words, NAME)


_COUNTS = ("mdNumDisabled", "mdNumInvalid", "mdNumMissing", "mdNumWrong")


def _rebuilding(values: dict[str, str]) -> bool:
    """Tell whether a disk is being rebuilt now; the action stays written when it is over or paused."""
    runs = values.get("mdResyncPos", values.get("mdResync", "0")) not in ("", "0")
    return runs and values.get("mdResyncAction", "").startswith("recon")
