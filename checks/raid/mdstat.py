"""md arrays, as /proc/mdstat tells of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.api import Metric, Result, Status, critical, duration_text, nodata, ok, warning
from checks.raid.finding import read

UNCOUNTED = ("raid0", "linear", "faulty")
"""Levels that may lack no device: the kernel counts none, and stops the array instead."""
PARITY = ("raid4", "raid5", "raid6")
STATES = ("active", "inactive", "broken")


class Array(msgspec.Struct, frozen=True):
    """One array of /proc/mdstat."""

    name: str
    state: str
    """active, inactive or broken."""
    level: str = ""
    failed: tuple[str, ...] = ()
    members: int = 0
    """Devices that are no spare, no journal and have not failed; one that is to be rebuilt counts."""
    total: int = 0
    """Devices a whole array has; 0 where mdstat does not say."""
    working: int = 0
    action: str = ""
    """recovery, resync, reshape or check."""
    progress: str = ""
    """`12.6%, 2h 8m left`, or DELAYED or PENDING."""
    odd: str = ""
    """Marks of devices that Linux does not print; Synology's and QNAP's E: a device that the array gave up on."""
    read_only: bool = False
    """As somebody set it, or the kernel after its journal failed; until the first writing it says `auto-read-only`."""
    container: bool = False
    """Not an array but the metadata of some (Intel, DDF); always inactive."""

    @property
    def rebuilding(self) -> bool:
        """Tell whether a device is on its way in; one that waits for its turn is told as `resync=DELAYED`."""
        waits = self.progress == "DELAYED" and self.members > self.working
        return self.action == "recovery" or waits


def parse(mdstat: str) -> list[Array]:
    """Read the text of /proc/mdstat. Source: md_seq_show() of drivers/md/md.c."""
    blocks = re.split(r"^(?=\S+ : )", mdstat, flags=re.MULTILINE)
    return [_array(block.partition("\nunused devices")[0]) for block in blocks[1:] if not block.startswith("Personal")]


def has_more(mdstat: str) -> bool:
    """Tell whether there is anything in the text beside what stands there without an array."""
    usual = r"Personalities : ?.*|unused devices: ?.*|read_ahead .*"
    return any(not re.fullmatch(usual, line) for line in map(str.strip, mdstat.splitlines()) if line)


def _array(block: str) -> Array:
    # With no device left the kernel prints the counts on the first line: they are looked for in all of it.
    first = block.partition("\n")[0].split()
    name, state = first[0], first[2] if len(first) > 2 else ""
    words = [word for word in first[3:] if not word.startswith("(")]
    devices = [word for word in words if re.match(r"[^\[\]]+\[\d+\]", word)]
    has_level = state != "inactive" and words and words[0] not in devices
    counts = re.search(r"(?<!\S)\[(?P<total>\d+)/(?P<working>\d+)\]", block)
    work = re.search(r"(recovery|resync|reshape|check|repair) *= *([0-9.]+%|[A-Z]+)(?:.*finish=([0-9.]+)min)?", block)
    minutes = float(work[3] or 0) if work else 0.0  # 0.0 where nothing moves, too: then nobody knows
    remaining = f", {duration_text(60 * minutes)} left" if minutes else ""
    return Array(
        name,
        state,
        level=words[0] if has_level else "",
        failed=tuple(word.partition("[")[0] for word in devices if "(F)" in word),
        members=sum(not re.search(r"\([FSJR]\)", word) for word in devices),
        total=int(counts["total"]) if counts else 0,
        working=int(counts["working"]) if counts else 0,
        action=work[1] if work else "",
        progress=work[2] + remaining if work else "",
        odd=_odd_marks(devices, block),
        read_only="(read-only)" in first,
        container=state == "inactive" and re.search(r"super external:\w", block) is not None,
    )


def _odd_marks(devices: list[str], block: str) -> str:
    """Return the marks that are not known: of `sda1[0](E)`, and of the `[UUE]` behind the counts."""
    marks = [mark for word in devices for mark in re.findall(r"\((\w+)\)", word)]
    each = re.search(r"(?<!\S)\[\d+/\d+\] \[(\S+)\]", block)
    return "".join(sorted({*marks} - {*"FSJRW"} | ({*each[1]} - {*"U_"} if each else set())))


def assess(array: Array) -> Result:
    """Judge one array; what its text does not say is not known, never whole."""
    missing = array.total - array.working
    metric = Metric("missing", max(0, missing), minimum=0, subject=array.name)
    return replace(_assess(array, missing), metrics=(metric,) if array.total else ())


def _assess(array: Array, missing: int) -> Result:
    about = f"{array.name} ({array.level})" if array.level else array.name
    doing = f", {array.action} {array.progress}" if array.action else ""
    lost = f", failed: {', '.join(array.failed)}" if array.failed else ""
    if array.container:
        return ok(f"{about} holds the metadata of other arrays", array.name)
    if array.state not in STATES:
        return nodata(f"{about}: mdstat calls its state {array.state!r}, which is not known here", array.name)
    if array.state != "active":
        return critical(f"{about} is {array.state}{lost}", array.name)
    if missing > 0:
        words = f"{about} lacks {missing} of {array.total} devices{lost}{doing}"
        return warning(words, array.name) if array.rebuilding else critical(words, array.name)
    if array.odd:
        words = f"{about}: mdstat marks a device {array.odd}"
        if array.odd == "E":
            return critical(f"{words}, which the array gave up on{doing}", array.name)
        return nodata(f"{words}, which is not known here", array.name)
    if not array.total and array.level not in UNCOUNTED:
        return nodata(f"{about}: mdstat does not say how many of its devices work{lost}", array.name)
    stuck = ", read-only: nobody can write to it" if array.read_only else ""
    if array.failed:
        words = f"{about} is whole{stuck}, but replace what failed: {', '.join(array.failed)}{doing}"
        return warning(words, array.name)
    if array.read_only:
        return warning(f"{about} is whole{stuck}{doing}", array.name)
    return ok(f"{about} is whole{doing}", array.name)


def add_mismatches(result: Result, array: Array, folder: Path) -> Result:
    """Add what the last check found to differ, as md's `mismatch_cnt` in /sys/block/NAME/md (`folder`) has it.

    Mirrors differ without harm (swap, files that were deleted while they were written), parity does not.
    """
    count = read(folder / "mismatch_cnt").strip()
    if not count.isdigit() or int(count) == 0:
        return result
    bad = array.level in PARITY and result.status is Status.OK
    return replace(
        result,
        status=Status.WARNING if bad else result.status,
        summary=f"{result.summary}, {count} sectors differed at the last check",
    )


def count_errors(files: Iterable[Path]) -> int | None:
    """Sum up error counters, one a line; None where the kernel has none."""
    lines = [line for path in files for line in read(path).splitlines()]
    return sum(int(line.split()[-1]) for line in lines if line[-1:].isdigit()) if lines else None
