"""Mounted btrfs filesystems, as /sys/fs/btrfs tells of them (since Linux 5.14)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.api import Result, critical, nodata, ok, warning
from checks.raid.finding import Finding, read


def find_filesystems(folder: Path) -> Iterator[Finding]:
    """Judge those of several devices, and those of one device that made errors: no copy corrected them."""
    for path in sorted(folder.glob("*/devinfo")):
        flags = [read(flag).strip() for flag in sorted(path.glob("*/missing"))]
        errors = count_errors(path.glob("*/error_stats"))
        if not flags or (len(flags) == 1 and not errors):
            continue
        name = read(path.parent / "label").strip() or path.parent.name
        yield Finding(_assess(name, flags, errors or 0), "btrfs", path.parent.name[:8], errors)


def _assess(name: str, flags: list[str], errors: int) -> Result:
    about, missing = f"{name} (btrfs)", flags.count("1")
    if missing:
        return critical(f"{about} lacks {missing} of {len(flags)} devices", name)
    if any(flag != "0" for flag in flags):
        return nodata(f"{about}: the kernel does not say whether a device is missing", name)
    if len(flags) == 1:
        return warning(f"{about} has one device, and that made {errors} errors: no copy corrects them", name)
    return ok(f"{about} is whole", name)


def count_errors(files: Iterable[Path]) -> int | None:
    """Sum up error counters, one a line; None where the kernel has none."""
    lines = [line for path in files for line in read(path).splitlines()]
    return sum(int(line.split()[-1]) for line in lines if line[-1:].isdigit()) if lines else None
