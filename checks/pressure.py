"""`type: pressure`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from agent.api import (
    Check,
    CheckError,
    Context,
    Host,
    Metric,
    PercentAbove,
    Result,
    Status,
    Suggestion,
    host_path,
    judge,
    ok,
)
from checks._proc import require_whole_proc

Cpu = Annotated[PercentAbove | None, Meta(description="Time that some work waited for CPU; default: never.")]
Memory = Annotated[PercentAbove | None, Meta(description="Time that all work waited for memory; null: never.")]
Disk = Annotated[PercentAbove | None, Meta(description="Time that all work waited for disks; default: never.")]

# For CPU, "all" is not defined for a whole host; for memory and disks, "some" is an everyday matter.
SHARES = {"cpu": ("some", "CPU"), "memory": ("full", "memory"), "io": ("full", "disks")}


class Pressure(Check, frozen=True, kw_only=True):
    """Watches how much time of the last 5 minutes was lost to waiting for CPU, memory or disks (the kernel's PSI).

    Memory that is short shows here before the kernel kills: programs only wait for pages to come back. By default:
    warning from 20% of the time lost to memory, critical from 50%. Waiting for CPU and disks is everyday life of a
    busy host, and judged only where a level is given.

        checks:
          pressure: {type: pressure, cpu_warning: 80%, io_warning: 60%, memory_critical: 40%}

    In a container (cgroup 2) it is the container's own. It needs Linux 4.20; Red Hat Enterprise Linux and its kin
    tell nothing unless booted with the kernel option psi=1.
    """

    cpu_warning: Cpu = None
    cpu_critical: Cpu = None
    memory_warning: Memory = PercentAbove.parse("20%")
    memory_critical: Memory = PercentAbove.parse("50%")
    io_warning: Disk = None
    io_critical: Disk = None

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        if host.read("/proc/pressure/memory"):
            why = "This kernel tells how much time is lost to waiting (/proc/pressure)."
            yield Suggestion(name="pressure", settings={}, why=why)

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        yield from self.assess({name: read(name) for name in SHARES})

    def assess(self, texts: dict[str, str]) -> Iterator[Result | Metric]:
        """Judge the texts of cpu, memory and io."""
        averages = {name: read_averages(text) for name, text in texts.items()}
        if missing := [
            name for name, (share, _) in SHARES.items() if share not in averages[name] or "some" not in averages[name]
        ]:
            raise CheckError(f"the pressure of {', '.join(missing)} is written in a form that is not known here")
        shares = {name: averages[name][share] for name, (share, _) in SHARES.items()}
        shares_text = ", ".join(f"{percent:.3g}% for {SHARES[name][1]}" for name, percent in shares.items())
        yield ok(f"waited in the last 5 min: {shares_text}")
        for name, percent in shares.items():
            share, resource = SHARES[name]
            words = (
                f"{'all' if share == 'full' else 'some'} work waited {percent:.3g}% of the last 5 min for {resource}"
            )
            levels = getattr(self, f"{name}_warning"), getattr(self, f"{name}_critical")
            result = judge(f"{name}_{share}", percent, *levels, unit="%", summary=words, minimum=0, maximum=100)
            yield replace(result, summary="") if result.status is Status.OK else result
            if share == "full":
                yield Metric(f"{name}_some", averages[name]["some"], "%", minimum=0, maximum=100)


def read_averages(text: str) -> dict[str, float]:
    """Return the 5 minute averages of "some" and "full"; the latter is missing for cpu before Linux 5.13."""
    averages = re.findall(r"^(some|full)\b.*\bavg300=(\d+(?:\.\d+)?)", text, re.MULTILINE)
    return {share: float(percent) for share, percent in averages}


def read(name: str) -> str:
    """Return the text of our own cgroup (on the host that is everything), or else of the host."""
    for path in (f"/sys/fs/cgroup/{name}.pressure", f"/proc/pressure/{name}"):
        with suppress(OSError):
            return host_path(path).read_text()
    require_whole_proc()
    raise CheckError(
        "this kernel does not tell the pressure: it needs Linux 4.20 with PSI; where it is built in but off "
        "(Red Hat), boot with the kernel option psi=1, else leave this check out"
    )
