"""How full a filesystem is, and whether that is too full."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import msgspec

from agent.api import Metric, PercentAbove, Result, Size, SizeBelow, Status, judge, size_text


class Usage(msgspec.Struct, frozen=True):
    """Bytes and inodes of one filesystem. `free` is what users may still write: the reserve of root is not in it."""

    total: int
    used: int
    free: int
    inodes: int = 0
    """0 where the filesystem makes them as it needs them (btrfs, vfat), or does not know them."""
    inodes_free: int = 0
    sound: bool = True
    """Whether the numbers can be: a server may tell more free space than there is."""

    @classmethod
    def measure(cls, place: str) -> Usage:
        """Ask the kernel; may block for ever on a dead server. OSError as statvfs(3) has it."""
        return cls.of(os.statvfs(place))

    @classmethod
    def of(cls, numbers: os.statvfs_result) -> Usage:
        """Read what the kernel says. Less than nothing is free where root used its reserve (BSD)."""
        unit = numbers.f_frsize or numbers.f_bsize
        used = max(0, numbers.f_blocks - numbers.f_bfree) * unit
        sound = 0 <= numbers.f_bfree <= numbers.f_blocks and numbers.f_bavail <= numbers.f_blocks
        inodes = numbers.f_files if 0 <= numbers.f_ffree <= numbers.f_files else 0
        return cls(numbers.f_blocks * unit, used, numbers.f_bavail * unit, inodes, numbers.f_ffree, sound)

    @property
    def percent(self) -> float:
        """Used percent of what users may use, as df counts it."""
        return _percent(self.used, self.free)

    @property
    def inodes_percent(self) -> float:
        return _percent(max(0, self.inodes - self.inodes_free), self.inodes_free)


class Levels(msgspec.Struct, frozen=True):
    """From where on a usage is bad."""

    warning: PercentAbove | None = None
    critical: PercentAbove | None = None
    critical_only_below: Size | None = None
    free_warning: SizeBelow | None = None
    free_critical: SizeBelow | None = None
    inodes_warning: PercentAbove | None = None
    inodes_critical: PercentAbove | None = None


def assess(usage: Usage, levels: Levels, subject: str) -> list[Result]:
    """Say what there is to say of one filesystem, in reading order."""
    free = judge(
        "free",
        usage.free,
        levels.free_warning,
        levels.free_critical,
        unit="B",
        subject=subject,
        summary=f"{size_text(usage.free)} free of {size_text(usage.total)}",
        minimum=0,
        maximum=usage.total,
    )
    sizes = (
        Metric("used", usage.used, "B", minimum=0, maximum=usage.total, subject=subject),
        Metric("total", usage.total, "B", minimum=0, subject=subject),
    )
    free = msgspec.structs.replace(free, metrics=(*free.metrics, *sizes))
    return [_judge_used(usage, levels, subject), free, *_inodes(usage, levels, subject)]


def _judge_used(usage: Usage, levels: Levels, subject: str) -> Result:
    summary = f"{_show(usage.percent)} used"
    used = judge(
        "used_percent",
        usage.percent,
        levels.warning,
        levels.critical,
        unit="%",
        subject=subject,
        summary=summary,
        minimum=0,
        maximum=100,
    )
    enough = levels.critical_only_below
    if enough is None or used.status is not Status.CRITICAL or usage.free < enough:
        return used
    summary += f" (critical from {levels.critical} only with less than {enough} free)"
    return msgspec.structs.replace(used, status=Status.WARNING, summary=summary)


def _inodes(usage: Usage, levels: Levels, subject: str) -> Iterator[Result]:
    """Inodes are worth a word only when they run out."""
    if not usage.inodes:
        return
    inodes = judge(
        "inodes_used_percent",
        usage.inodes_percent,
        levels.inodes_warning,
        levels.inodes_critical,
        unit="%",
        subject=subject,
        summary=f"{_show(usage.inodes_percent)} of the inodes used",
        minimum=0,
        maximum=100,
    )
    yield inodes if inodes.status is not Status.OK else msgspec.structs.replace(inodes, summary="")


def _percent(used: int, free: int) -> float:
    return 100 * used / (used + free) if used + free else 0.0


def _show(percent: float) -> str:
    """Cut, not rounded: 89.96% must not read 90.0% while the limit of 90% is not reached."""
    return f"{math.floor(percent * 10) / 10:.1f}%"
