"""What `systemctl` prints of units, read."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from time import strptime

import msgspec

from agent.api import CheckError, duration_text

PROPERTIES = (
    "--property=Id,LoadState,ActiveState,SubState,Result,NRestarts,StateChangeTimestampMonotonic,"
    "ActiveEnterTimestamp,LastTriggerUSec,NextElapseUSecRealtime,NextElapseUSecMonotonic,"
    "ConditionResult,ConditionTimestampMonotonic,AssertResult,AssertTimestampMonotonic,FreezerState,"
    "Unit,TriggeredBy,Job,StateChangeTimestamp,ConditionTimestamp"
)
TOUCHED = ("StateChangeTimestamp", "ConditionTimestamp")
NO_TIME = ("", "0", "n/a", "infinity", "[not set]")
MOVING = ("activating", "reloading", "refreshing", "deactivating")
TYPES = ("service", "socket", "target", "device", "mount", "automount", "timer", "swap", "path", "slice", "scope")


class Unit(msgspec.Struct, frozen=True):
    """What systemd says of one unit. Source: org.freedesktop.systemd1(5)."""

    load: str = ""
    active: str = ""
    sub: str = ""
    result: str = ""
    restarts: int | None = 0
    """By systemd itself, since somebody last started the unit; 0 for what is no service."""
    changed_at: float | None = None
    """When its state changed last, in seconds of the monotonic clock."""
    entered_at: float | None = None
    """When it became active, in Unix seconds; likewise `last_run`, of a timer."""
    last_run: float | None = None
    has_next: bool | None = None
    """Whether a timer has a next turn; None for what is no timer, or where systemd does not say."""

    triggers: str = ""
    """What a timer starts."""
    timers: tuple[str, ...] = ()
    """Which timers start this unit."""
    has_job: bool = False
    """Whether a start or stop of it waits for its turn."""
    touched_at: float | None = None
    """When its state changed last, or a start came as far as its conditions, in Unix seconds."""
    unmet: str = ""
    """condition or assertion, where one kept the unit from its last start: systemd calls it inactive, not failed."""

    frozen: bool = False
    """Whether somebody froze it (`systemctl freeze`): it stays active, and does nothing."""

    @property
    def is_loaded(self) -> bool:
        """Tell whether systemd has read its file, and found nothing wrong with it."""
        return self.load == "loaded"

    @property
    def runs(self) -> bool:
        return self.active in ("active", "reloading", "refreshing")

    @property
    def has_triggered(self) -> bool:
        """Tell whether a timer had a turn since it was started; of another boot it only knows when that was."""
        return self.last_run is not None and self.entered_at is not None and self.last_run >= self.entered_at

    def moving_for(self, monotonic: float) -> float:
        """Return the seconds that it has been on its way from one state to another; 0 where it is not, or is new."""
        if self.active not in MOVING or not self.changed_at:
            return 0.0
        return max(0.0, monotonic - self.changed_at)

    def words(self, monotonic: float) -> str:
        """Say how a unit is, as `systemctl status` does: `active (running)`, and for how long it is on its way."""
        if not self.is_loaded and not self.runs:
            return self.load
        why = f", {self.result}" if self.result not in ("", "success") else ""
        why += f", its {self.unmet} was not met" if self.unmet else ""
        moving = self.moving_for(monotonic)
        words = f"{self.active} ({self.sub}{why})" + (f" for {duration_text(moving)}" if moving >= 1 else "")
        file = "" if self.is_loaded else "gone" if self.load == "not-found" else self.load
        return words + (f", but its file is {file}" if file else "")


def parse(text: str) -> list[Unit]:
    """Read what `systemctl show` prints: lines of Name=value, an empty line between units."""
    return [_unit(block) for block in blocks(text)]


def blocks(output: str) -> Iterator[dict[str, str]]:
    for block_text in output.split("\n\n"):
        if block := dict(line.split("=", 1) for line in block_text.splitlines() if "=" in line):
            yield block


def _unit(block: dict[str, str]) -> Unit:
    restarts, changed = block.get("NRestarts", ""), block.get("StateChangeTimestampMonotonic", "")
    return Unit(
        load=block.get("LoadState", ""),
        active=block.get("ActiveState", ""),
        sub=block.get("SubState", ""),
        result=block.get("Result", ""),
        restarts=int(restarts) if restarts.isdigit() else None,
        changed_at=int(changed) / 1e6 if changed.isdigit() else None,
        entered_at=_moment(block.get("ActiveEnterTimestamp", "")),
        last_run=_moment(block.get("LastTriggerUSec", "")),
        has_next=_has_next(block),
        triggers=block.get("Unit", "") if block.get("Id", "").endswith(".timer") else "",
        timers=tuple(name for name in block.get("TriggeredBy", "").split() if name.endswith(".timer")),
        has_job=block.get("Job", "") not in NO_TIME,
        touched_at=max(filter(None, map(_moment, (block.get(name, "") for name in TOUCHED))), default=None),
        unmet=_unmet(block),
        frozen=block.get("FreezerState", "").startswith(("frozen", "freezing")),
    )


def _unmet(block: dict[str, str]) -> str:
    """Return what was not met; a result without a moment is none, for nobody has tried to start the unit."""
    kinds = {"Assert": "assertion", "Condition": "condition"}
    unmet = (kinds[kind] for kind in kinds if block.get(f"{kind}Result") == "no" and _is_set(block, kind))
    return next(unmet, "") if block.get("ActiveState") == "inactive" else ""


def _is_set(block: dict[str, str], kind: str) -> bool:
    return block.get(f"{kind}TimestampMonotonic", "0") not in NO_TIME


def _has_next(block: dict[str, str]) -> bool | None:
    """Tell whether a timer will run again; while its service runs, the next turn is not reckoned yet."""
    if not block.get("Id", "").endswith(".timer") or block.get("ActiveState") != "active":
        return None
    if block.get("SubState") in ("running", "elapsed"):
        return block["SubState"] == "running"
    turns = [block.get("NextElapseUSecRealtime"), block.get("NextElapseUSecMonotonic")]
    return None if None in turns else any(turn not in NO_TIME for turn in turns)


def _moment(text: str) -> float | None:
    """Read `Wed 2026-11-25 06:00:01 UTC` as Unix seconds; None for no time, and for a form that is not known."""
    if match := re.fullmatch(r"\w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? UTC", text):
        return float(timegm(strptime(match[1], "%Y-%m-%d %H:%M:%S")))
    return None


def read_names(text: str) -> list[str]:
    """Read the names that `systemctl list-units` prints first; older ones put a dot before what failed."""
    return [line.lstrip("●*○×↻ ").split()[0] for line in text.splitlines() if line.strip("●*○×↻ ")]


def by_name(names: list[str], output: str) -> dict[str, Unit]:
    """Give each unit its name as it was asked for; CheckError where there are not as many."""
    units = parse(output)
    if len(units) != len(names):
        raise CheckError(f"systemctl told of {len(units)} units, not of {len(names)}")
    return dict(zip(names, units, strict=True))


def find_problem(name: str) -> str:
    """Say why this cannot be the name of one unit; empty where it can. Source: systemd.unit(5)."""
    stem, dot, suffix = name.rpartition(".")
    has_type = bool(dot) and suffix in TYPES
    if name.startswith("/"):
        return ""  # systemctl takes a path for its mount or device
    if not re.fullmatch(r"[A-Za-z0-9:_.\\@-]{1,255}", name) or (name.startswith("-") and not has_type):
        return "is not the name of one unit, write for example nginx.service"
    prefix, at, instance = (stem if has_type else name).partition("@")
    if at and not instance:
        return f"is a template, not a unit: name what was made of it, such as {prefix}@1"
    return "" if prefix else "is not the name of one unit, write for example nginx.service"
