"""`type: raid`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    Context,
    Host,
    Metric,
    NumberAbove,
    Result,
    Suggestion,
    critical,
    duration_text,
    judge,
    ok,
    warning,
)

MDSTAT, BLOCK = Path("/proc/mdstat"), Path("/sys/block")
ZFS, BTRFS = Path("/proc/spl/kstat/zfs"), Path("/sys/fs/btrfs")

Errors = Annotated[NumberAbove | None, Meta(description="Errors that the devices of one array made; default: never.")]


class Raid(Check, frozen=True, kw_only=True):
    """Watches software RAID, as the kernel tells of it: md arrays, ZFS pools and btrfs over several devices.

    Critical: a device is missing, or the array as a whole is stopped or broken. Warning: a missing device is being
    rebuilt, or one failed and a spare took its place. Checks and first syncs are ok. One subject an array, and one
    that names them all. A host without RAID is ok; an array that is there no more becomes nodata. Not seen by the
    kernel, so not here: hardware RAID, LVM's own RAID, SMART.

        checks:
          raid:
            {type: raid, exclude: [md0, md1], errors_warning: 1}    # md0 and md1 of a Synology are never whole

    `errors` counts errors that harmed no data yet: corrected reads (md), the device statistics (btrfs).
    """

    exclude: Annotated[
        str | tuple[str, ...], Meta(description="Arrays and pools to leave out, `*` stands for anything.")
    ] = ()
    errors_warning: Errors = None
    errors_critical: Errors = None

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        found = [judged(array) for array in parsed(host.read(str(MDSTAT)))]
        found += [result for result, _ in (*pools(host.path(str(ZFS))), *filesystems(host.path(str(BTRFS))))]
        if found:
            yield Suggestion(name="raid", settings={}, why=f"Found {'; '.join(result.summary for result in found)}.")

    def run(self, ctx: Context) -> Iterator[Result]:
        arrays = parsed(read(MDSTAT))
        found = [(judged(array), counted((BLOCK / array.name / "md").glob("dev-*/errors"))) for array in arrays]
        yield from self.reported([*found, *pools(ZFS), *filesystems(BTRFS)])

    def reported(self, found: Iterable[tuple[Result, int | None]]) -> Iterator[Result]:
        """Add the count of errors, and what is watched at all."""
        patterns = (self.exclude,) if isinstance(self.exclude, str) else self.exclude
        kept = [one for one in found if not any(fnmatchcase(one[0].subject, pattern) for pattern in patterns)]
        names = ", ".join(result.subject for result, _ in kept)
        yield ok(f"watching {names}" if kept else "no RAID on this host")
        for result, errors in kept:
            yield result
            if errors is not None:
                levels = self.errors_warning, self.errors_critical
                said = judge("errors", errors, *levels, subject=result.subject, summary=f"{errors} errors", minimum=0)
                yield said if errors else msgspec.structs.replace(said, summary="")


class Array(msgspec.Struct, frozen=True):
    """One array of /proc/mdstat."""

    name: str
    state: str
    """active, inactive or broken."""
    level: str = ""
    failed: tuple[str, ...] = ()
    wanted: int = 0
    """Devices a whole array has; 0 where none may be missing (raid0, linear)."""
    working: int = 0
    action: str = ""
    """recovery, resync, reshape or check."""
    progress: str = ""
    """`12.6%, 2h 8m left`, or DELAYED or PENDING."""
    container: bool = False
    """Not an array but the metadata of some (Intel, DDF); always inactive."""


def parsed(mdstat: str) -> list[Array]:
    """Read the text of /proc/mdstat. Source: md_seq_show() of drivers/md/md.c."""
    blocks = re.split(r"^(?=\S+ : (?:active|inactive|broken)\b)", mdstat, flags=re.MULTILINE)
    return [_array(block.partition("\nunused devices")[0]) for block in blocks[1:]]


def _array(block: str) -> Array:
    first, _, rest = block.partition("\n")
    name, _, state, *words = first.split()
    words = [word for word in words if not word.startswith("(")]
    counted = re.search(r"\[(\d+)/(\d+)\]", rest)
    action = re.search(r"(recovery|resync|reshape|check|repair) *= *([0-9.]+%|[A-Z]+)(?:.*finish=([0-9.]+)min)?", rest)
    left = f", {duration_text(60 * float(action[3]))} left" if action and action[3] else ""
    return Array(
        name,
        state,
        words[0] if words and "[" not in words[0] else "",
        tuple(word.partition("[")[0] for word in words if "(F)" in word),
        int(counted[1]) if counted else 0,
        int(counted[2]) if counted else 0,
        action[1] if action else "",
        action[2] + left if action else "",
        state == "inactive" and re.search(r"super external:\w", rest) is not None,
    )


def judged(array: Array) -> Result:
    about = f"{array.name} ({array.level})" if array.level else array.name
    doing = f", {array.action} {array.progress}" if array.action else ""
    lost = f", failed: {', '.join(array.failed)}" if array.failed else ""
    missing = array.wanted - array.working
    words = f"{about} lacks {missing} of {array.wanted} devices{lost}{doing}"
    if array.container:
        result = ok(f"{about} holds the metadata of other arrays", array.name)
    elif array.state != "active":
        result = critical(f"{about} is {array.state}{lost}", array.name)
    elif missing > 0:
        result = (warning if array.action == "recovery" else critical)(words, array.name)
    elif array.failed:
        result = warning(f"{about} is whole, but replace what failed: {', '.join(array.failed)}{doing}", array.name)
    else:
        result = ok(f"{about} is whole{doing}", array.name)
    metric = Metric("missing", max(0, missing), minimum=0, subject=array.name)
    return msgspec.structs.replace(result, metrics=(metric,) if array.wanted else ())


def pools(folder: Path) -> Iterator[tuple[Result, None]]:
    """Judge ZFS pools by the state that the kernel module tells (since OpenZFS 0.8)."""
    for path in sorted(folder.glob("*/state")):
        name, state = path.parent.name, read(path).strip()
        yield (ok if state == "ONLINE" else critical)(f"{name} (zfs) is {state}", name), None


def filesystems(folder: Path) -> Iterator[tuple[Result, int | None]]:
    """Judge mounted btrfs filesystems of several devices (since Linux 5.14)."""
    for path in sorted(folder.glob("*/devinfo")):
        flags = [read(flag).strip() == "1" for flag in path.glob("*/missing")]
        if len(flags) < 2:
            continue
        name = read(path.parent / "label").strip() or path.parent.name
        words = f"lacks {sum(flags)} of {len(flags)} devices" if any(flags) else "is whole"
        result = (critical if any(flags) else ok)(f"{name} (btrfs) {words}", name)
        yield result, counted(path.glob("*/error_stats"))


def counted(files: Iterable[Path]) -> int | None:
    """Sum up error counters, one a line; None where the kernel has none."""
    lines = [line for path in files for line in read(path).splitlines()]
    return sum(int(line.split()[-1]) for line in lines if line[-1:].isdigit()) if lines else None


def read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(errors="replace")
    return ""
