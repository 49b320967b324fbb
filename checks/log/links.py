"""Opens a log for reading, and follows only links that nobody without rights has laid."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from checks._opening import open_regular

MOST_LINKS = 40
"""As many as the kernel follows."""
PLACE = getattr(os, "O_PATH", 0) | os.O_NOFOLLOW | os.O_CLOEXEC


def real_path(path: str) -> str:
    """Return the path without links. OSError where a link is not to be followed, and as the system says."""
    if not hasattr(os, "O_PATH"):  # macOS
        return os.path.realpath(path)
    with _Way(path) as way:
        with suppress(FileNotFoundError):
            os.close(way.open())
        return way.real


@contextmanager
def open_log(path: str) -> Iterator[int]:
    """Open the file with the same judgement of links; nobody can exchange one between the judgement and the opening."""
    if hasattr(os, "O_PATH"):
        with _Way(path) as way:
            file = way.open()
    else:
        file = open_regular(path)
    try:
        yield file
    finally:
        os.close(file)


class _Way:
    """The way to a file, gone folder by folder; `place` is the open folder that we have come to."""

    def __init__(self, path: str) -> None:
        self.real = ""
        self._place = os.open("/", PLACE)
        self._names: list[str] = []
        self._link_owners: set[int] = set()
        self._links = 0
        self._name = "."
        try:
            self._go(path)
        except BaseException:
            os.close(self._place)
            raise

    def __enter__(self) -> _Way:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._place)

    def open(self) -> int:
        """Open the file at the end, unless a link led there that its layer may have laid to show us what is not his."""
        file = open_regular(self._name, self._place, follow=False)
        if strangers := self._link_owners - {0, os.geteuid(), os.fstat(file).st_uid}:
            os.close(file)
            raise OSError(errno.EPERM, f"is led to by a link of user {min(strangers)}, who does not own {self.real}")
        return file

    def _go(self, path: str) -> None:
        self._names = path.split("/")[::-1]
        while self._names:
            name = self._names.pop()
            if name == "..":
                self._enter(os.open("..", PLACE, dir_fd=self._place), self.real.rpartition("/")[0])
            elif name not in ("", "."):
                self._step(name)

    def _step(self, name: str) -> None:
        try:
            here = os.open(name, PLACE, dir_fd=self._place)
        except FileNotFoundError:
            if self._names:
                raise
            self._name, self.real = name, f"{self.real}/{name}"
            return
        if stat.S_ISLNK(os.fstat(here).st_mode):
            self._follow(here)
        elif self._names:
            self._enter(here, f"{self.real}/{name}")
        else:
            os.close(here)
            self._name, self.real = name, f"{self.real}/{name}"

    def _follow(self, link: int) -> None:
        try:
            self._links += 1
            if self._links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            self._link_owners.add(os.fstat(link).st_uid)
            target = os.readlink("", dir_fd=link)
        finally:
            os.close(link)
        if target.startswith("/"):
            self._enter(os.open("/", PLACE), "")
        self._names += target.split("/")[::-1]

    def _enter(self, place: int, real: str) -> None:
        os.close(self._place)
        self._place, self.real = place, real
