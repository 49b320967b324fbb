"""The process table where there is no /proc (macOS), by psutil: slower, the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import psutil

from agent.api import CheckError
from checks.process.row import Numbers, Row

T = TypeVar("T")
STATES = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_STOPPED: "T", psutil.STATUS_DISK_SLEEP: "D"}


def rows_by_psutil() -> Iterator[Row]:
    """Yield the processes where there is no /proc."""
    for process in psutil.process_iter():
        try:
            yield PsutilRow(process)
        except psutil.NoSuchProcess:
            continue


def _ask_psutil(ask: Callable[[], T]) -> T:
    """Ask psutil, with its errors as the ones that /proc gives."""
    try:
        return ask()
    except psutil.AccessDenied as error:
        raise PermissionError(str(error)) from None
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(str(error)) from None


class PsutilRow(Row):
    """A process as psutil tells of it."""

    __slots__ = ("_parent", "_process", "_started")

    def __init__(self, process: psutil.Process) -> None:
        with process.oneshot():
            state = STATES.get(process.status(), "S")
            name = process.name().encode("utf-8", "surrogateescape")
            super().__init__("", process.pid, b"0 (%b) %b" % (name, state.encode()))
            self._parent, self._started = process.ppid(), process.create_time()
        self._process = process

    @property
    def parent(self) -> int:
        return self._parent

    @property
    def started_at(self) -> float:
        return self._started

    @property
    def kernel(self) -> bool:
        return self.pid == 0

    @property
    def zombie(self) -> bool:
        return self.state == "Z"

    @property
    def numbers(self) -> Numbers:
        """Raise PermissionError for another user's process, unless the agent is root."""
        if self._numbers is None:
            try:
                self._numbers = _ask_psutil(self._ask)
            except ProcessLookupError:
                self._numbers = Numbers(0.0, 0, 0)
        return self._numbers

    def _ask(self) -> Numbers:
        with self._process.oneshot():
            times, threads, memory = self._process.cpu_times(), self._process.num_threads(), self._process.memory_info()
        return Numbers(times.user + times.system, threads, memory.rss)

    def uid(self) -> int:
        return _ask_psutil(self._process.uids).effective

    def exe(self) -> str:
        return _ask_psutil(self._process.exe)

    def open_files(self) -> int:
        return _ask_psutil(self._process.num_fds)

    def pss(self) -> int:
        raise CheckError("pss is known on Linux only")

    def in_container(self) -> bool:
        return False

    def waits(self) -> bool:
        return False

    def command(self) -> bytes:
        return "\0".join(_ask_psutil(self._process.cmdline)).encode("utf-8", "surrogateescape")
