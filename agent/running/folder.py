"""The folder that the whole agent works in: relative names of its settings and its state count from it."""

from __future__ import annotations

import contextlib
import functools
import os

from agent.api import Check

_PLACE = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC


class Folder:
    """Where the process was when this was made. An own type's code may leave it, for all threads."""

    def __init__(self) -> None:
        self._descriptor = -1
        with contextlib.suppress(OSError):
            self._descriptor = os.open(".", _PLACE)

    def come_back(self) -> bool:
        """Return whether that was needed."""
        if self._descriptor < 0:
            return False
        with contextlib.suppress(OSError):  # of a folder that is gone
            if os.path.samestat(os.stat("."), os.fstat(self._descriptor)):  # noqa: PTH116 - each run
                return False
        os.fchdir(self._descriptor)
        return True

    def require(self) -> None:
        """RuntimeError where it was left; it is the folder of all again all the same."""
        if self.come_back():
            raise RuntimeError("os.chdir() moves the whole agent: give cwd= to what needs a folder")


@functools.cache
def folder_of_the_agent() -> Folder:
    """Return the same at each call: the first is before any own type ran."""
    return Folder()


def folder_to_keep(check: Check) -> Folder | None:
    """Return what to come back to when the check's code has run; None where it is ours."""
    return None if type(check).__module__.startswith("checks.") else folder_of_the_agent()
