"""Mounted btrfs filesystems, as /sys/fs/btrfs tells of them (since Linux 5.14)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.api import Result, critical, nodata, ok, warning
from checks.raid.finding import Finding, read

UNWRITTEN = ("write_errs", "flush_errs")
"""What a device was told and did not take: btrfs goes on without a word, and drops no device while it is mounted."""
WITHOUT_COPY = ("single", "raid0")


class Device(msgspec.Struct, frozen=True):
    """One device of a filesystem."""

    id: str
    missing: str
    """0 or 1; empty where the kernel does not say."""
    errors: dict[str, int] | None
    """By kind, since somebody last reset them; None where the kernel counts none."""

    @property
    def refuses(self) -> bool:
        return any((self.errors or {}).get(kind) for kind in UNWRITTEN)


def find_filesystems(folder: Path) -> Iterator[Finding]:
    """Judge those of several devices, and those of one device that made errors: no copy corrected them."""
    for path in sorted(folder.glob("*/devinfo")):
        devices = [_device(flag.parent) for flag in sorted(path.glob("*/missing"))]
        counts = [sum(device.errors.values()) for device in devices if device.errors is not None]
        errors = sum(counts) if counts else None
        if not devices or (len(devices) == 1 and not errors):
            continue
        name = read(path.parent / "label").strip() or path.parent.name
        has_copies = not any((path.parent / "allocation" / "data" / profile).exists() for profile in WITHOUT_COPY)
        yield Finding(_assess(name, devices, errors or 0, has_copies), "btrfs", path.parent.name[:8], errors)


def _device(folder: Path) -> Device:
    lines = [line.split() for line in read(folder / "error_stats").splitlines()]
    errors = {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}
    return Device(folder.name, read(folder / "missing").strip(), errors if lines else None)


def _assess(name: str, devices: list[Device], errors: int, has_copies: bool) -> Result:
    about, missing = f"{name} (btrfs)", sum(device.missing == "1" for device in devices)
    if missing:
        return critical(f"{about} lacks {missing} of {len(devices)} devices", name)
    if any(device.missing != "0" for device in devices):
        return nodata(f"{about}: the kernel does not say whether a device is missing", name)
    if len(devices) == 1:
        return warning(f"{about} has one device, and that made {errors} errors: no copy corrects them", name)
    if refusing := [device.id for device in devices if device.refuses]:
        words = f"{about}: device {', '.join(refusing)} of {len(devices)} did not take what was written"
        return warning(f"{words}; when it is well, scrub, and reset: btrfs device stats -z", name)
    if errors and not has_copies:
        return warning(f"{about} made {errors} errors: no copy corrects them", name)
    return ok(f"{about} is whole", name)
