"""Who could change a file: with root's rights only what root alone may write is read or run."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from agent.plugin.accounts import name_of_group, name_of_user

_MOST_LINKS = 40
"""As many as Linux follows, path_resolution(7)."""


def weak_spot(path: str, uid: int = 0) -> str:
    """Say where others than root and the user `uid` could exchange a file or folder, and how to mend it.

    Empty when nobody else can, or when there is no such file. Looks at every folder and link on the way to it.
    """
    for here, info in way_to(path):
        open_to_others = info.st_mode & 0o022 and not stat.S_ISLNK(info.st_mode)
        if (open_to_others or info.st_uid not in (0, uid)) and (weak := _weakness(here, info, uid)):
            return weak
    return ""


def open_to_all(path: str) -> str:
    """Say where everybody could exchange a file or folder; empty where not."""
    for here, info in way_to(path):
        if info.st_mode & 0o002 and not stat.S_ISLNK(info.st_mode) and (weak := _weakness(here, info, info.st_uid)):
            return weak
    return ""


def open_to_others(directory: str) -> str:
    """Say where others than root could exchange a folder, or put names into it; empty where not."""
    if weak := weak_spot(directory):
        return weak
    try:
        info = os.stat(directory)  # noqa: PTH116 - as everything here
    except OSError:
        return ""
    return _open_mode(directory, info) if info.st_mode & 0o022 else ""


def way_to(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Walk over every folder and link on the way to a file, and the file; ends where there is nothing."""
    whole = path if path[:1] == "/" else f"{os.getcwd()}/{path}"  # noqa: PTH109 - a script check asks each run
    here, names, links = "", whole.split("/")[::-1], 0
    while names and links <= _MOST_LINKS:
        name = names.pop()
        if name in ("", "."):
            continue
        above, here = here, f"{here}/{name}"
        if name == "..":  # links have been followed by now
            here = above.rpartition("/")[0]
            continue
        try:
            info = os.lstat(here)
            target = os.readlink(here) if stat.S_ISLNK(info.st_mode) else ""  # noqa: PTH115 - as above
        except OSError:
            return
        yield here, info
        if target:
            links += 1
            names += target.split("/")[::-1]
            here = "" if target[0] == "/" else above


def _weakness(path: str, info: os.stat_result, uid: int) -> str:
    if info.st_uid not in (0, uid):
        who = name_of_user(info.st_uid) or f"user {info.st_uid}"
        return f"{path} belongs to {who}, who could change it: chown root {path}, or keep it elsewhere"
    if stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX:
        return ""  # sticky: nobody can exchange what belongs to others
    return _open_mode(path, info)


def _open_mode(path: str, info: os.stat_result) -> str:
    who = "everybody" if info.st_mode & 0o002 else f"the group {name_of_group(info.st_gid) or info.st_gid}"
    return f"{who} may write {path}: chmod go-w {path}"
