"""What processes have used so far, as the kernel counts it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.processes.forked import Forked

TICK = 1 / os.sysconf("SC_CLK_TCK")
CGROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
"""Where cgroup v2 may be."""
ENTER = 'echo $$ >"$0" && exec "$@"'


class Tree:
    """A process and all that come of it, those that have ended as well.

    Counted by a cgroup (v2) where we may make one, exactly. Else by /proc, in steps of 10 ms, without what ended after
    the process that would have waited for it.
    """

    def __init__(self, group: Path | None) -> None:
        self._group = group
        self.process: subprocess.Popen[bytes] | Forked | None = None

    def start(self, command: list[str], log: Path) -> None:
        """Start the first process, in a session of its own."""
        if self._group:
            command = ["/bin/sh", "-c", ENTER, str(self._group / "cgroup.procs"), *command]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def adopt(self, process: subprocess.Popen[bytes] | Forked) -> None:
        """Count a process that runs already; its earlier children are not counted."""
        if self._group:
            (self._group / "cgroup.procs").write_text(str(process.pid))
        self.process = process

    def seconds(self) -> float:
        """Return the CPU time of all so far."""
        if self._group:
            fields = dict(line.split() for line in (self._group / "cpu.stat").read_text().splitlines())
            return int(fields["usage_usec"]) / 1e6
        assert self.process is not None
        return tree_seconds(self.process.pid)

    def stop(self) -> None:
        """End the first process, and kill what is left of its session."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def tree() -> Iterator[Tree]:
    """Have a tree to start a process in; it ends with the block."""
    group = _new_group()
    made = Tree(group)
    try:
        yield made
    finally:
        made.stop()
        if group:
            _remove(group)


def _new_group() -> Path | None:
    for root in CGROUPS:
        group = root / f"bench-{os.getpid()}-{time.monotonic_ns()}"
        with suppress(OSError):
            if (root / "cgroup.controllers").exists():
                group.mkdir()
                return group
    return None


def _remove(group: Path) -> None:
    """Remove the cgroup; it stays where something in it will not end."""
    with suppress(OSError):
        (group / "cgroup.kill").write_text("1")
    until = time.monotonic() + 5
    while time.monotonic() < until:
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)


def tree_seconds(pid: int) -> float:
    """Return the CPU time of a process, of all that it has waited for, and of all that live below it."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for one in (top, *top.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, OSError):
                total += sum(cpu_seconds(one.pid))
    return total


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


def spin_seconds() -> float:
    """Return the CPU time of a piece of work that is always the same: how steady this machine is."""
    began = time.process_time()
    sum(number * number for number in range(400_000))
    return time.process_time() - began


def busy_seconds() -> float:
    """Return how long the cores of this machine have worked so far, for whomever."""
    # Source: proc_stat(5): user nice system idle iowait irq softirq steal.
    fields = [int(field) * TICK for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4]
