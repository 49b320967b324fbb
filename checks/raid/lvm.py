"""LVM's own RAID, which md does not list. Only root may ask how it is, by `dmsetup`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from agent.api import Result, critical, nodata, ok, warning
from checks._lvm import readable
from checks.raid.finding import Finding, read

PARITY = ("raid4", "raid5", "raid6")
LOST, BEHIND = "D-", "a"
"""Marks of devices: failed or not there; and there, but not in sync."""


class Volume(msgspec.Struct, frozen=True):
    """One volume as the kernel tells of it. Source: dm-raid.rst, "Status Output"."""

    level: str
    health: str
    """A mark for each device: A, or one of the above."""
    progress: str
    """`1024/4096`."""
    action: str
    """idle, frozen, resync, recover, check, repair or reshape."""
    mismatches: int = 0
    journal: str = ""
    """The mark of the device that parity is journaled to; empty or - where there is none."""


def names(block: Path) -> list[str]:
    """Return the volumes that are RAID, by their parts: anybody may see these."""
    parts = (read(path).strip() for path in sorted(block.glob("dm-*/dm/name")))
    return sorted({match[1] for match in (re.fullmatch(r"(.+)_rimage_\d+", part) for part in parts) if match})


def find_volumes(block: Path, ask: Callable[[], str | None]) -> Iterator[Finding]:
    """Judge each volume; `ask` returns the text of `dmsetup status --target raid`, None where nobody may ask."""
    volume_names = names(block)
    text = ask() if volume_names else None
    volumes = parse(text or "")
    for name in volume_names:
        about = f"{readable(name)} (LVM)"
        if text is None:
            result = nodata(f"{about}: how it is, dmsetup tells root only: run the agent as root, or exclude it")
        elif name not in volumes:
            result = nodata(f"{about}: dmsetup does not tell how it is in a form that is known here")
        else:
            result = assess(about, volumes[name])
        yield Finding(msgspec.structs.replace(result, subject=readable(name)), "LVM")


def parse(text: str) -> dict[str, Volume]:
    """Read `dmsetup status --target raid`."""
    line = r"^(\S+): \d+ \d+ raid (\S+) (\d+) ([AaD-]+) (\d+/\d+) (\w+) (\d+)(?: \d+ (\S))?"
    return {
        name: Volume(level, health, progress, action, int(mismatches), journal)
        for name, level, count, health, progress, action, mismatches, journal in re.findall(line, text, re.MULTILINE)
        if len(health) == int(count)
    }


def assess(about: str, volume: Volume) -> Result:
    """Judge one volume, as md's arrays are judged."""
    total, lost = len(volume.health), sum(mark in LOST for mark in volume.health)
    doing = "" if volume.action == "idle" else f", {volume.action} {volume.progress}"
    if lost:
        return critical(f"{about} lacks {lost} of {total} devices{doing}")
    if volume.journal == "D":
        return critical(f"{about} lost its journal: nobody can write to it{doing}")
    if BEHIND in volume.health and volume.action == "recover":
        return warning(f"{about} is being rebuilt: {volume.health.count(BEHIND)} of {total} devices{doing}")
    if BEHIND in volume.health and volume.action in ("idle", "frozen"):
        return warning(f"{about}: {volume.health.count(BEHIND)} of {total} devices are not in sync{doing}")
    if volume.mismatches and volume.level.startswith(PARITY):
        return warning(f"{about} is whole{doing}, {volume.mismatches} sectors differed at the last check")
    return ok(f"{about} is whole{doing}")
