"""Where a command is run: its folder, its environment, and which file a name means there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from checks._opening import open_regular

if TYPE_CHECKING:
    from checks.script.languages import Language

_HEAD_BYTES = 512
_MOST_MATCHES = 1000


class Place(NamedTuple):
    """Where a command is run."""

    cwd: str
    env: Mapping[str, str]
    visited: set[tuple[str, ...]]
    """Commands that were looked at already: with many options one command can be read in many ways."""
    unknown: list[Language]
    """A program was met that has no name yet: what a shell makes, or an interpreter (of this language) reads."""
    folders: tuple[str, ...] = ()
    """Other folders that may be the current one: an option may name it."""

    def is_first_visit(self, words: Sequence[str]) -> bool:
        """Note that this command is looked at here; False where it was before."""
        command = (*words, self.cwd)
        is_known = command in self.visited
        self.visited.add(command)
        return not is_known

    def inside(self, folder: str) -> Place:
        """Return the same place with this folder as the current one; this place itself where it is no folder."""
        full = self.full(folder)
        return self._replace(cwd=full) if os.path.isdir(full) else self  # noqa: PTH112 - each run

    def beside(self, folder: str) -> Place:
        """Return the same place where this folder, too, may be the current one."""
        full = self.full(folder)
        return self._replace(folders=(*self.folders, full)) if folder and os.path.isdir(full) else self  # noqa: PTH112 - each run

    def full(self, name: str) -> str:
        return os.path.join(self.cwd, name)  # noqa: PTH118 - each run

    def program(self, name: str) -> str:
        """Return the file that a name means where it is run; empty where there is none."""
        if "/" in name:
            files = (self.full(name), *(os.path.join(folder, name) for folder in self.folders))  # noqa: PTH118 - each run
            return next(filter(can_run, files), "")
        folders = self.env.get("PATH", "").split(":") if name else ()
        return next((file for folder in folders if can_run(file := f"{folder}/{name}")), "")

    def matching(self, name: str) -> Iterator[str]:
        """Yield the file of a name, and where a shell would put in others for `*`, `?` and `[` those."""
        full = self.full(name)
        yield full
        if any(mark in full for mark in "*?[") and not os.path.exists(full):  # noqa: PTH110 - each run
            from glob import iglob

            yield from islice(iglob(full), _MOST_MATCHES)  # noqa: PTH207 - as os.path
        yield from (os.path.join(folder, name) for folder in self.folders)  # noqa: PTH118 - each run


def existing(values: Iterable[str], place: Place) -> Iterator[str]:
    """Yield the files and folders among values that may be names of other things too."""
    for part in (part for value in values for part in re.split("[,:]", value)):
        if part and os.path.exists(place.full(part)):  # noqa: PTH110 - each run
            yield place.full(part)


def first_line(file: str) -> list[str]:
    """Return the words of the `#!` line of a script; none where it has none."""
    try:
        fd = open_regular(file)
    except OSError:
        return []
    try:
        head = os.read(fd, _HEAD_BYTES)
    except OSError:
        return []
    finally:
        os.close(fd)
    line = head[2:].partition(b"\n")[0].partition(b"\0")[0]  # the system, too, reads up to a NUL
    return os.fsdecode(line).split() if head.startswith(b"#!") else []


def can_run(file: str) -> bool:
    return os.path.isfile(file) and os.access(file, os.X_OK)  # noqa: PTH113 - each run
