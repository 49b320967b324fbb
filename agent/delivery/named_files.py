"""Files that the settings of a destination name: a pipe, a device or a mount that hangs holds up nobody."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from agent.plugin.shared_work import Call

T = TypeVar("T")

MOST_BYTES = 16 * 1024**2
PIECE = 256 * 1024


class NamedFiles(Generic[T]):
    """Makes something of files, on a thread of its own and one at a time: what hangs is waited for, not begun anew.

    One thread, or one loop, uses it.
    """

    def __init__(self, files: Mapping[str, str], make: Callable[[], T]) -> None:
        """`files` are paths by the names of their settings; empty ones are left out."""
        self._files = {name: path for name, path in files.items() if path}
        self._make = make
        self._call: Call | None = None

    def result(self, seconds: float) -> T:
        """Return what is made of them; OSError with words where one cannot be read, or not in time."""
        call = self._begin()
        call.done.wait(seconds)
        return self._end(call, seconds)

    async def result_in_loop(self, seconds: float) -> T:
        """As `result`, for a loop that has other work."""
        call = self._begin()
        await call.wait(seconds)
        return self._end(call, seconds)

    def _begin(self) -> Call:
        if self._call is None:
            self._call = Call(self._work)
            self._call.begin()
        return self._call

    def _work(self) -> T:
        for name, path in self._files.items():
            require_readable(name, path)
        return self._make()

    def _end(self, call: Call, seconds: float) -> T:
        if not call.done.is_set():
            names = " or ".join(f"{name} {path}" for name, path in self._files.items())
            raise OSError(f"{names} cannot be read within {seconds:g}s: does its disk or mount hang?")
        self._call = None
        return call.result()  # type: ignore[no-any-return]  # what _work returns


def require_readable(name: str, path: str) -> None:
    """Read a file to its end; OSError with words where that does not work. It waits for no pipe, but for a mount.

    A folder is left to who uses it.
    """
    try:
        kind = os.stat(path).st_mode  # noqa: PTH116 - first: opening alone changes some devices
        if stat.S_ISDIR(kind):
            return
        fits = not stat.S_ISREG(kind) or _read_size(path) <= MOST_BYTES
    except OSError as error:
        raise OSError(f"{name} {path} cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise OSError(f"{name} {path} cannot be read: no file's name has a NUL in it") from None
    if not stat.S_ISREG(kind):
        raise OSError(f"{name} {path} is not a regular file")
    if not fits:
        raise OSError(f"{name} {path} is larger than {MOST_BYTES // 1024**2} MiB")


def _read_size(path: str) -> int:
    size = 0
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while size <= MOST_BYTES and (piece := os.read(file, PIECE)):
            size += len(piece)
    finally:
        os.close(file)
    return size
