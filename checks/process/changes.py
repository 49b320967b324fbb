"""What only two runs together can tell: a restart, CPU use, being stuck. `memory` is the check's own.

`now` is seconds of the clock by which a `Row` says when its process started.
"""

from __future__ import annotations

from typing import Any

from agent.api import duration_text
from checks.process.row import Row


def of_this_boot(memory: dict[str, Any], boot: str) -> dict[str, Any]:
    """Forget what was before the host started anew: pids and start times begin again."""
    if memory.get("boot") != boot:
        memory.clear()
        memory["boot"] = boot
    return memory


def restart(memory: dict[str, Any], rows: list[Row], now: float) -> str:
    """Say that the oldest process is another one than at the last run, or nothing.

    The oldest: a server's workers come and go. After a run that found none, nothing: that was told already.
    """
    oldest = min(rows, key=lambda row: (row.started_at, row.pid), default=None)
    last = memory.pop("oldest", None)
    if oldest is None:
        return ""
    memory["oldest"] = oldest.key
    if last is None or any(row.key == last for row in rows):
        return ""
    age = duration_text(now - oldest.started_at)
    return f"restarted: process {last.partition(':')[0]} ended, the oldest is now {oldest.pid}, started {age} ago"


def cpu_percent(memory: dict[str, Any], rows: list[Row], now: float) -> float | None:
    """Return the CPU use since the last run in percent of one core; None where there was none, or just now."""
    last_at: float | None = memory.get("cpu_at")
    last: dict[str, float] = memory.get("cpu", {})
    if last_at is not None and 0 <= now - last_at < 1:
        return None
    memory["cpu_at"], memory["cpu"] = now, {row.key: row.cpu for row in rows}
    if last_at is None or now < last_at:
        return None
    # A process that is older than the last run, but was not in it, has used its CPU who knows when.
    used = sum(row.cpu - last.get(row.key, 0.0 if row.started_at >= last_at else row.cpu) for row in rows)
    return max(0.0, 100.0 * used / (now - last_at))


def stuck(memory: dict[str, Any], rows: list[Row], now: float, after: float) -> list[Row]:
    """Return the processes that have been in state D for `after` seconds without using any CPU.

    Without the CPU, a busy database caught waiting for its disk twice would look stuck.
    """
    before = memory.pop("stuck", {})
    waiting = {row.key: [row.cpu, now] for row in rows if row.state == "D"}
    for key, (cpu, _) in waiting.items():
        if key in before and before[key][0] == cpu:
            waiting[key] = before[key]
    if waiting:
        memory["stuck"] = waiting
    return [row for row in rows if row.key in waiting and now - waiting[row.key][1] >= after]
