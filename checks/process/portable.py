"""The process table where there is no /proc (macOS), by psutil: slower, the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import psutil

from checks.process.table import Row

T = TypeVar("T")
STATES = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_STOPPED: "T", psutil.STATUS_DISK_SLEEP: "D"}


def rows_by_psutil() -> Iterator[Row]:
    for process in psutil.process_iter():
        try:
            yield PsutilRow(process)
        except psutil.NoSuchProcess:
            continue


def _asked(ask: Callable[[], T]) -> T:
    """Ask psutil, with its errors as the ones that /proc gives."""
    try:
        return ask()
    except psutil.AccessDenied as error:
        raise PermissionError(str(error)) from None
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(str(error)) from None


class PsutilRow(Row):
    __slots__ = ("_process",)

    def __init__(self, process: psutil.Process) -> None:
        with process.oneshot():
            state = STATES.get(process.status(), "S")
            super().__init__("", process.pid, b"%d (%b) %b" % (process.pid, process.name().encode(), state.encode()))
        self._process = process

    @property
    def parent(self) -> int:
        return _asked(self._process.ppid)

    @property
    def kernel(self) -> bool:
        return self.pid == 0

    @property
    def cpu(self) -> float:
        times = _asked(self._process.cpu_times)
        return times.user + times.system

    @property
    def threads(self) -> int:
        return 1 if self.state == "Z" else _asked(self._process.num_threads)

    @property
    def started(self) -> float:
        return _asked(self._process.create_time)

    @property
    def rss(self) -> int:
        return _asked(self._process.memory_info).rss

    def uid(self) -> int:
        return _asked(self._process.uids).effective

    def exe(self) -> str:
        return _asked(self._process.exe)

    def open_files(self) -> int:
        return _asked(self._process.num_fds)

    def command(self) -> bytes:
        return "\0".join(_asked(self._process.cmdline)).encode("utf-8", "surrogateescape")
