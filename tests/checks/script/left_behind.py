"""Nothing that a test started is left of it: no child, no descriptor."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Assert so at the end.

    Threads of other tests still close what is theirs, so that there may be fewer descriptors meanwhile, and the kernel
    leaves out some children where others end while it lists them: their age says whose they are.
    """
    before, begun = _descriptors(), time.clock_gettime(time.CLOCK_BOOTTIME)
    yield
    _soon(lambda: _descriptors() <= before, "a descriptor leaked")
    _soon(lambda: not _children_since(begun), "a child still runs, or is a zombie")


def _soon(true: Callable[[], bool], wrong: str) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, wrong
        time.sleep(0.02)


def _descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - names only


def _children_since(begun: float) -> list[int]:
    """Return our children that were started since then, in seconds since the boot."""
    found = []
    for file in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread or a child that has just ended
            found += [pid for pid in map(int, file.read_text().split()) if _started(pid) >= begun]
    return found


def _started(pid: int) -> float:
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return (ticks + 1) / os.sysconf("SC_CLK_TCK")
