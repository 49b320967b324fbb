"""The way to a file or folder: each name that leads there, and in which folder it stands, links included."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST_LINKS = 40
"""Beyond so many the kernel follows none either."""

ANY = "*"
"""Stands for all names of a folder."""


def way(paths: Iterable[str]) -> dict[str, set[str]]:
    """Return the folders whose entries decide what these paths lead to, and the names that matter in each.

    Of a path that is a folder every name in it matters as well.
    """
    names_by_folder: dict[str, set[str]] = {}
    for path in paths:
        for folder, name in _steps(path):
            names_by_folder.setdefault(folder, set()).add(name)
    return names_by_folder


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """Yield the links on the way, then the last name or the first one that is missing; of a folder also `*`."""
    here, ahead, links = Path("/"), deque(_names(Path.cwd() / path)), 0
    while ahead:
        name = ahead.popleft()
        if name == "..":
            here = here.parent
            continue
        target = _target(here / name)
        if target is not None:
            yield str(here), name
            links += 1
            if links > MOST_LINKS:
                return
            ahead.extendleft(reversed(_names(target)))
            here = Path("/") if target.is_absolute() else here
        elif not ahead or not os.path.lexists(here / name):
            yield str(here), name
            here /= name
            break
        else:
            here /= name
    if not ahead and here.is_dir():
        yield str(here), ANY


def _names(path: Path) -> list[str]:
    return [name for name in path.parts if name != "/"]


def _target(path: Path) -> Path | None:
    try:
        return path.readlink()
    except OSError:
        return None
