"""What was found: one array, pool or filesystem; and a name for each that no other has."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.api import CheckError, Result

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.EINVAL)
"""What the kernel says of a file that there is not, of a device that has just gone, of a number that it lacks."""


class Finding(msgspec.Struct, frozen=True):
    """One array, pool or filesystem, as judged by what it tells of its devices."""

    result: Result
    """Its subject is the name that people know it by."""
    kind: str
    """md, zfs, btrfs or unraid."""
    id: str = ""
    """What tells it from another of the same kind and name."""
    errors: int | None = None
    """Errors that its devices made and that harmed no data; None where nobody counts them."""


def tell_apart(findings: Sequence[Finding]) -> list[Finding]:
    """Return them with a subject of its own for each: two filesystems may have one label."""
    forms = [
        (one.result.subject, f"{one.result.subject} ({one.kind})", f"{one.result.subject} ({one.kind} {one.id})")
        for one in findings
    ]
    counts = [Counter(names) for names in zip(*forms, strict=True)]
    subjects = [
        next((name for name, count in zip(names, counts, strict=True) if count[name] == 1), names[-1])
        for names in forms
    ]
    return [replace(one, result=_rename(one.result, subject)) for one, subject in zip(findings, subjects, strict=True)]


def _rename(result: Result, subject: str) -> Result:
    return replace(
        result, subject=subject, metrics=tuple(replace(metric, subject=subject) for metric in result.metrics)
    )


def read(path: Path) -> str:
    """Return a small file of the kernel; empty where there is none. CheckError where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError as error:
        if error.errno in NOT_THERE:
            return ""
        raise CheckError(f"{path}: {error.strerror}, which hides how the array is") from None
