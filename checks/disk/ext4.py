"""Errors that the kernel found in an ext4: by default it goes on with it, and nothing else tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.api import Result, host_path, warning
from checks.disk.mountinfo import Mount

TYPES = ("ext2", "ext3", "ext4")


def find_errors(mount: Mount) -> Iterator[Result]:
    """Yield a warning where there were errors since e2fsck was last run."""
    count = _count(mount.device_number, str(host_path("/sys"))) if mount.type in TYPES else 0
    if count:
        errors = "1 error" if count == 1 else f"{count} errors"
        words = f"{errors} in the filesystem since the last e2fsck, see the kernel's log"
        yield warning(f"{words}: unmount it, and run e2fsck")


def _count(device_number: str, sys: str) -> int:
    with suppress(OSError, ValueError):  # an older kernel, or a driver that is not ext4's
        device = os.readlink(f"{sys}/dev/block/{device_number}").rpartition("/")[2]  # noqa: PTH115 - each run
        return int(Path(f"{sys}/fs/ext4/{device}/errors_count").read_bytes())
    return 0
