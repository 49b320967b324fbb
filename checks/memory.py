"""`type: memory`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    CheckError,
    Context,
    Duration,
    Host,
    NumberAbove,
    PercentAbove,
    PercentBelow,
    Result,
    Size,
    Suggestion,
    host_path,
    judge,
    nodata,
    ok,
    size_text,
    warning,
)
from checks._proc import require_whole_proc

Available = Annotated[PercentBelow | None, Meta(description="Available memory, in percent of all; null: never.")]
Swap = Annotated[PercentAbove | None, Meta(description="Used swap; default: never, full swap alone harms nobody.")]
Kills = Annotated[NumberAbove | None, Meta(description="Processes killed for lack of memory; null: never.")]


class Memory(Check, frozen=True, kw_only=True):
    """Watches available memory, swap, and what the kernel killed for lack of memory.

    Available is what programs can still get without swapping: caches count as available (ZFS's too), huge pages set
    aside count as no memory at all. By default: warning below 10% and critical below 5%, both only with less than
    4 GiB available; warning for half an hour after the kernel killed a process. Where a level of swap is set, swap that
    was there and is no more (`swapoff`, a lost disk) is a warning.

        checks:
          memory: {type: memory, available_warning: 15%, swap_warning: 80%, oom_kills_critical: 3}

    In a container with a memory limit it judges that limit, and says so; without one it sees the host's memory.
    """

    available_warning: Available = PercentBelow.parse("10%")
    available_critical: Available = PercentBelow.parse("5%")
    only_below: Annotated[
        Size, Meta(description="As long as this much is available, no percentage is bad. Default 4GiB.")
    ] = Size.parse("4GiB")
    swap_warning: Swap = None
    swap_critical: Swap = None
    oom_kills_warning: Kills = NumberAbove.parse(1)
    oom_kills_critical: Kills = None
    oom_kills_within: Annotated[Duration, Meta(description="How long a killed process counts. Default 30m.")] = (
        Duration(1800)
    )

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.only_below:
            yield "only_below", "0B switches both percentages off: write null for them, or 1024TiB to judge them always"
        if not self.oom_kills_within:
            yield "oom_kills_within", "0s counts nothing: leave it out, or write oom_kills_warning: null"

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        numbers = read_numbers(host.read("/proc/meminfo"))
        if total := numbers.get("MemTotal"):
            swap = f"{size_text(numbers['SwapTotal'])} of swap" if numbers.get("SwapTotal") else "no swap"
            why = f"Found {size_text(total)} of memory, and {swap}."
            yield Suggestion(name="memory", settings={"fail_after": {"warning": 1, "critical": 2}}, why=why)

    def run(self, ctx: Context) -> Iterator[Result]:
        reading = read_host(
            *(read(host_path(f"/proc/{name}")) for name in ("meminfo", "vmstat", "spl/kstat/zfs/arcstats"))
        )
        if limits := read_container_texts():
            reading = read_container(*limits, reading) or reading
        yield from self.assess(reading, ctx.memory, time.time(), read(host_path("/proc/sys/kernel/random/boot_id")))

    def assess(self, reading: Reading, memory: dict[str, Any], now: float, boot: str = "") -> Iterator[Result]:
        """Judge what was read. `memory` holds the kills counted before, `now` is in seconds since 1970."""
        yield self._assess_available(reading)
        yield from self._assess_swap(reading, memory)
        yield from self._assess_kills(reading, memory, now, boot.strip())

    def _assess_available(self, reading: Reading) -> Result:
        is_plenty = reading.available >= self.only_below
        return judge(
            "available",
            100 * reading.available / reading.total if reading.total else 0.0,
            None if is_plenty else self.available_warning,
            None if is_plenty else self.available_critical,
            unit="%",
            summary=f"{size_text(reading.available)} of {size_text(reading.total)} {reading.whose}available",
            minimum=0,
            maximum=100,
        )

    def _assess_swap(self, reading: Reading, memory: dict[str, Any]) -> Iterator[Result]:
        is_asked_for = (self.swap_warning, self.swap_critical) != (None, None)
        if reading.swap_free is None:
            if is_asked_for:
                yield nodata(f"how much swap {reading.whose}is used is not told: leave its levels out")
        elif reading.swap:
            memory["swap"] = reading.swap
            used = 100 * (reading.swap - reading.swap_free) / reading.swap
            words = f"{used:.3g}% of {size_text(reading.swap)} swap used"
            yield judge("swap_used", used, self.swap_warning, self.swap_critical, unit="%", summary=words, minimum=0)

        elif is_asked_for:
            yield judge_no_swap(memory.get("swap", 0))

    def _assess_kills(self, reading: Reading, memory: dict[str, Any], now: float, boot: str) -> Iterator[Result]:
        if reading.oom_kills is None:
            if self.oom_kills_critical is not None:
                yield nodata("what was killed for lack of memory is not counted here: leave oom_kills_critical out")
            return
        kills = count_kills(memory, reading.oom_kills, now, self.oom_kills_within, boot)
        words = f"{kills} killed for lack of memory in the last {self.oom_kills_within}"
        result = judge("oom_kills", kills, self.oom_kills_warning, self.oom_kills_critical, summary=words, minimum=0)
        yield result if kills else msgspec.structs.replace(result, summary="")


class Reading(msgspec.Struct, frozen=True):
    """Bytes, and processes killed since boot (None: the kernel does not count them, before 4.13).

    `swap_free` None: it is not told, as for a container.
    """

    total: int
    available: int
    swap: int = 0
    swap_free: int | None = None
    oom_kills: int | None = None
    whose: str = ""


def read_host(meminfo: str, vmstat: str, arcstats: str = "") -> Reading:
    """Read the texts of /proc/meminfo, /proc/vmstat and ZFS's arcstats; CheckError where they lack what counts."""
    memory, arc = read_numbers(meminfo), read_numbers(arcstats, 2)
    if not meminfo:
        require_whole_proc()
    if "MemAvailable" not in memory or not memory.get("MemTotal"):
        raise CheckError("/proc/meminfo tells no MemAvailable; this check needs Linux 3.14 or newer and its /proc")
    total = memory["MemTotal"] - memory.get("Hugetlb", memory.get("HugePages_Total", 0) * memory.get("Hugepagesize", 0))
    if total <= 0:
        raise CheckError("/proc/meminfo tells of more huge pages than there is memory")
    swap, swap_free = memory.get("SwapTotal"), memory.get("SwapFree")
    cache = max(0, arc.get("size", 0) - arc.get("c_min", 0))
    return Reading(
        total,
        min(total, memory["MemAvailable"] + cache),
        swap or 0,
        swap_free if swap is not None and swap_free is not None and swap_free <= swap else None,
        read_numbers(vmstat).get("oom_kill"),
    )


def read_container(limit: str, usage: str, events: str, stat: str, around: Reading) -> Reading | None:
    """Read the texts of a memory cgroup, version 1 or 2; None where it limits nothing."""
    total = int(limit) if limit.strip().isdigit() else around.total
    if total >= around.total:
        return None
    if not usage.strip().isdigit():
        raise CheckError(f"this container's limit is {size_text(total)}, but how much it uses is not told")
    parts = read_numbers(stat)
    # Version 1 tells the cgroup's own and, as total_, that of all below it.
    cache = sum(parts.get(f"total_{n}", parts.get(n, 0)) for n in ("active_file", "inactive_file", "slab_reclaimable"))
    free = max(0, total - int(usage) + cache)
    whose = "of this container's limit "
    return Reading(
        total, min(total, free, around.available), oom_kills=read_numbers(events).get("oom_kill"), whose=whose
    )


def judge_no_swap(before: int) -> Result:
    """Judge a host that has no swap now; `before` is how many bytes it had, as far as we saw it."""
    if not before:
        return ok("no swap")
    return warning(
        f"no swap any more, it had {size_text(before)}: swapon --show; if that is meant, leave its levels out"
    )


def read_container_texts() -> tuple[str, str, str, str] | None:
    """Return the texts about our memory limit. Where no container is around us, the root cgroup has none."""
    for folder, limit, usage, events in (
        ("/sys/fs/cgroup", "memory.max", "memory.current", "memory.events"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"),
    ):
        with suppress(OSError):
            names = (limit, usage, events, "memory.stat")
            first, second, third, fourth = (host_path(f"{folder}/{name}").read_text() for name in names)
            return first, second, third, fourth
    return None


def count_kills(memory: dict[str, Any], count: int, now: float, within: float, boot: str = "") -> int:
    """Return how many of the kills since boot (`count`) happened in the last `within` seconds, as far as we saw it."""
    before = memory.get("oom_kills", count)
    # A container counts anew with each start of its own, which only a smaller number tells.
    is_new_boot = count < before or bool(boot and memory.get("boot", boot) != boot)
    new = count if is_new_boot else count - before
    memory["boot"] = boot or memory.get("boot", "")
    recent = [[at, number] for at, number in memory.get("kills", ()) if 0 <= now - at < within]
    memory["oom_kills"], memory["kills"] = count, recent + ([[now, new]] if new > 0 else [])
    return sum(number for _, number in memory["kills"])


def read_numbers(text: str, column: int = 1) -> dict[str, int]:
    """Read lines of a name and a number; kB are made bytes."""
    lines = (line.split() for line in text.splitlines())
    return {
        words[0].rstrip(":"): int(words[column]) * (1024 if words[-1] == "kB" else 1)
        for words in lines
        if len(words) > column and words[column].isdigit()
    }


def read(path: Path) -> str:
    """Return the text of a file; empty where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""
