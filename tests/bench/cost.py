"""What a real agent has used so far, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Return user and system time of a process with all its threads, and of the children it has reaped, in seconds."""
    # Source: proc_pid_stat(5), fields 14 to 17. The name in parentheses may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) * TICK for field in fields[11:15])
    return user + system, children_user + children_system


def memory_bytes(pid: int, kind: str) -> int:
    """Return the memory of a process: `Rss`, or `Pss`, its part of what it shares counted in proportion."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {kind} in smaps_rollup")
