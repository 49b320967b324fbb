"""Real file systems of a few megabytes, and one run of the disk check on them."""

from __future__ import annotations

from pathlib import Path

from agent.api import Context, Result
from checks.disk import Disk
from checks.disk.choice import Filter
from tests.host import kernel


def run(disk: Disk, ctx: Context | None = None) -> list[Result]:
    return list(disk.run(ctx or Context(timeout=5)))


def run_one(disk: Disk, ctx: Context | None = None) -> Result:
    (result,) = run(disk, ctx)
    return result


def tmpfs(target: Path, options: str = "size=1m") -> Path:
    return kernel.mount("tmpfs", target, "tmpfs", options=options)


def ours(place: Path) -> Disk:
    return Disk(mounts="all", include=Filter(mount=f"{place}/*"))
