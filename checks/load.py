"""`type: load`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from agent.api import (
    Check,
    CheckError,
    Context,
    Host,
    Level,
    NumberAbove,
    PercentAbove,
    Result,
    Status,
    Suggestion,
    host_path,
    judge,
    nodata,
    ok,
)

Load1 = Annotated[NumberAbove | None, Meta(description="Load of the last minute, per core; default: never.")]
Load5 = Annotated[NumberAbove | None, Meta(description="Load of the last 5 minutes, per core; default: never.")]
Load15 = Annotated[NumberAbove | None, Meta(description="Load of the last 15 minutes, per core; null: never.")]
Cpu = Annotated[PercentAbove | None, Meta(description="CPU used since the last run, of all cores; default: never.")]
Wait = Annotated[PercentAbove | None, Meta(description="Idle CPU while a disk was waited for; default: never.")]
Steal = Annotated[PercentAbove | None, Meta(description="CPU that the hypervisor gave to others; default: never.")]

WORDS = {"cpu": "CPU used", "iowait": "CPU waiting for disks", "steal": "CPU stolen by the hypervisor"}
TICKS_LEAST = 100
"""Fewer since the last run (a second of one core) tell nothing."""
STILL_SECONDS = 60.0
"""A CPU counts a hundred ticks a second, idle or not."""


class Load(Check, frozen=True, kw_only=True):
    """Watches the load per core, and what the CPUs did since the last run.

    The load counts what runs, wants to run or waits for a disk; a host that is merely busy has about 1 per core.
    By default: warning from 4 per core over 15 minutes, critical from 10. CPU, iowait and steal are metrics, judged
    only where a level is given; they are averages since the last run, so the first run has none.

        checks:
          load: {type: load, load5_warning: 2, load5_critical: 6, steal_warning: 30%, fail_after: 3}

    In a container it is the load of the whole host. Where LXC shows only some of the host's cores (lxcfs), the load
    per core would be wrong and is not judged, and other levels of it than the default are nodata; CPU, iowait and
    steal are judged.
    """

    load1_warning: Load1 = None
    load1_critical: Load1 = None
    load5_warning: Load5 = None
    load5_critical: Load5 = None
    load15_warning: Load15 = NumberAbove.parse(4)
    load15_critical: Load15 = NumberAbove.parse(10)
    cpu_warning: Cpu = None
    cpu_critical: Cpu = None
    iowait_warning: Wait = None
    iowait_critical: Wait = None
    steal_warning: Steal = None
    steal_critical: Steal = None

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        if cores := len(re.findall(r"^cpu\d", host.read("/proc/stat"), re.MULTILINE)):
            yield Suggestion(name="load", settings={}, why=f"Found {cores} CPU core{'s' if cores > 1 else ''}.")

    def run(self, ctx: Context) -> Iterator[Result]:
        stat, loadavg = read("/proc/stat"), read("/proc/loadavg")
        # lxcfs mounts a file of its own over /proc/stat; its loadavg is the host's unless told otherwise.
        borrowed = host_path("/proc/stat").stat().st_dev != host_path("/proc").stat().st_dev
        yield from self.assess_load(loadavg, stat, borrowed)
        boot = read("/proc/sys/kernel/random/boot_id").strip()
        if self._asks_for_cpu and is_stopped(ctx.memory, boot, cpu_ticks(stat), ctx.now()):
            yield nodata("what the CPUs do is not counted here: /proc/stat stands still")
        for name, percent in measure_use(ctx.memory, boot, cpu_ticks(stat)).items():
            yield self._assess(name, percent, "%", f"{percent:.1f}% {WORDS[name]}")

    def assess_load(self, loadavg: str, stat: str, borrowed: bool = False) -> Iterator[Result]:
        """Judge the texts of /proc/loadavg and /proc/stat; `borrowed`: they do not speak of the same cores."""
        cores = sum(line[:3] == "cpu" and line[3:4].isdigit() for line in stat.splitlines())
        texts = loadavg.split()[:3]
        if len(texts) < 3 or not all(re.fullmatch(r"\d+\.?\d*", text) for text in texts):
            raise CheckError(f"/proc/loadavg is written in a form that is not known here: {loadavg[:40]!r}")
        if not cores and not borrowed:
            raise CheckError("/proc/stat does not tell how many cores there are")
        if borrowed:
            yield ok(f"load {', '.join(texts)} of the whole host, not judged")
            if self._asks_for_load:
                yield nodata("the load per core is not known here: leave its levels out")
            return
        yield ok(f"load {', '.join(texts)} on {cores} core{'s' if cores > 1 else ''}")
        for minutes, text in zip((1, 5, 15), texts, strict=True):
            per_core = float(text) / cores
            words = f"load {per_core:.3g} per core over {minutes} min"
            result = self._assess(f"load{minutes}", per_core, "", words)
            yield replace(result, details="" if result.status is Status.OK else waiting(stat))

    @property
    def _asks_for_load(self) -> bool:
        """Tell whether somebody wrote a level of the load, and not only left the default there."""
        levels = [(name, getattr(self, name)) for name in self.__struct_fields__ if name.startswith("load")]
        return any(level is not None and level != getattr(Load(), name) for name, level in levels)

    @property
    def _asks_for_cpu(self) -> bool:
        return any(getattr(self, f"{name}_{level}") for name in WORDS for level in ("warning", "critical"))

    def _assess(self, name: str, value: float, unit: str, words: str) -> Result:
        levels: list[Level | None] = [getattr(self, f"{name}_{level}") for level in ("warning", "critical")]
        result = judge(name, value, *levels, unit=unit, summary=words, minimum=0)
        return result if result.status is not Status.OK or name == "cpu" else replace(result, summary="")


def waiting(stat: str) -> str:
    """Say whether the load wants CPU or waits for disks: that decides where to look."""
    counts = dict(line.split()[:2] for line in stat.splitlines() if line.startswith("procs_"))
    return f"now {counts.get('procs_running', '?')} running, {counts.get('procs_blocked', '?')} waiting for a disk"


def cpu_ticks(stat: str) -> list[int]:
    """Return user, nice, system, idle, iowait, irq, softirq, steal of all cores since boot. Source: proc_stat(5)."""
    words = stat.partition("\n")[0].split()[1:9]
    if len(words) < 4 or not all(word.isdigit() for word in words):
        raise CheckError("/proc/stat does not tell what the CPUs did")
    ticks = [int(word) for word in words]
    return ticks + [0] * (8 - len(ticks))


def is_stopped(memory: dict[str, Any], boot: str, ticks: list[int], now: float) -> bool:
    """Tell whether the counters stood still for minutes, as in a sandbox whose /proc only looks like one.

    `now` in Unix seconds.
    """
    stood, *since = memory.get("stood") or (None,)
    if stood != [boot, ticks] or not since or since[0] > now:
        memory["stood"] = [[boot, ticks], now]
        return False
    return now - float(since[0]) >= STILL_SECONDS


def measure_use(memory: dict[str, Any], boot: str, ticks: list[int]) -> dict[str, float]:
    """Return the percentages since the last run; none on the first, after a reboot, or a moment after the last."""
    last = memory.get("ticks") if memory.get("boot") == boot else None
    if last is not None and 0 <= sum(ticks) - sum(last) < TICKS_LEAST:
        return {}
    memory["boot"], memory["ticks"] = boot, ticks
    if last is None or sum(ticks) < sum(last):
        return {}
    # iowait and idle may go backwards by a little: proc_stat(5).
    spent = [max(0, now - before) for now, before in zip(ticks, last, strict=True)]
    user, nice, system, _, iowait, irq, softirq, steal = spent
    parts = {"cpu": user + nice + system + irq + softirq, "iowait": iowait, "steal": steal}
    return {name: 100 * part / sum(spent) for name, part in parts.items()}


def read(path: str) -> str:
    """Return the text of a file of /proc; CheckError where there is none."""
    place = host_path(path)
    try:
        return place.read_text()
    except OSError as error:
        raise CheckError(f"{place}: {error.strerror}; this check needs Linux and its /proc") from None
