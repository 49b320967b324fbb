"""Rows of /proc, a folder that looks like it, and one run of the process check."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.api import Context, Result
from agent.plugin.context import SharedWork
from agent.plugin.results import gather
from checks.process import Process
from checks.process.matching import find
from checks.process.row import Row
from checks.process.table import Scanner, Table

Start = Callable[..., subprocess.Popen[bytes]]


NUMBERS = (
    "{parent} 7 7 0 -1 4194560 173 0 0 0 {cpu} 5 0 0 20 0 {threads} 0 {started} 1048576 {pages} 18446744073709551615"
)


def stat_text(
    name: bytes = b"x",
    state: str = "S",
    cpu: int = 0,
    threads: int = 1,
    started: int = 500,
    parent: int = 1,
    pages: int = 3,
) -> bytes:
    numbers = NUMBERS.format(cpu=cpu, threads=threads, started=started, parent=parent, pages=pages).encode()
    return b"7 (%b) %b %b 1 1 0 0 0 0\n" % (name, state.encode(), numbers)


def row(pid: int = 7, **values: Any) -> Row:
    return Row("/nowhere", pid, stat_text(**values))


def look(shared: SharedWork | None = None, memory: dict[str, object] | None = None, **settings: Any) -> Result:
    """Run a check on a new scan in which nothing counts as the agent's own, and merge what it says."""
    shared = shared or SharedWork()
    due = time.monotonic()
    shared.once("processes", due, Scanner(own=0).scan)
    ctx = Context("web", shared=shared, due=due, memory=memory)
    (result,) = gather(Process(**settings).run(ctx))
    return result


def metric(result: Result, name: str) -> float:
    return {one.name: one.value for one in result.metrics}[name]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.005)


def wait_for_exec(process: subprocess.Popen[bytes]) -> None:
    """Wait for name and arguments: the kernel sets them after it has closed the pipe that Popen waits for."""
    wait_for(lambda: b"\x00600\x00" in Path(f"/proc/{process.pid}/cmdline").read_bytes())


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def pids(check: Process, table: Table) -> list[int]:
    return sorted(one.pid for one in find(check, table, Context()).rows)


class FakeProc:
    """A folder that looks like /proc, with one scanner on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.scanner = folder, Scanner(str(folder), own=1)
        (folder / "self").mkdir()
        (folder / "self" / "mountinfo").write_text(f"1 1 0:1 / {folder} rw - proc proc rw\n")
        self.add(1, name=b"init", command=b"init\0")

    def add(self, pid: int, command: bytes | None = b"x\0", turns: bytes | None = None, **values: Any) -> Path:
        folder = self.folder / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "stat").write_bytes(stat_text(**values))
        if turns is not None:
            (folder / "schedstat").write_bytes(turns)
        if command is not None:
            (folder / "cmdline").write_bytes(command)
        return folder

    def look(self, timeout: float = 10.0, **settings: Any) -> Result:
        shared = SharedWork()
        due = time.monotonic()
        shared.once("processes", due, self.scanner.scan)
        ctx = Context("web", timeout=timeout, shared=shared, due=due)
        (result,) = gather(Process(**settings).run(ctx))
        return result
