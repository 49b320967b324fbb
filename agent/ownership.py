"""Who could change a file: with root's rights only what root alone may write is read or run."""

from __future__ import annotations

import os
import stat

_MOST_LINKS = 40


def weak_spot(path: str, uid: int = 0) -> str:
    """Say where others than root and the user `uid` could exchange a file or folder, and how to mend it.

    Empty when nobody else can, or when there is no such file. Looks at every folder and link on the way to it.
    """
    here, names, links = "/", os.path.join(os.getcwd(), path).split("/")[::-1], 0  # noqa: PTH109, PTH118 - each run
    while names:
        name = names.pop()
        if name in ("", "."):
            continue
        here = os.path.normpath(f"{here.rstrip('/')}/{name}")  # for `..`: links have been followed by now
        try:
            info = os.lstat(here)
            target = os.readlink(here) if stat.S_ISLNK(info.st_mode) else ""  # noqa: PTH115 - each run
        except OSError:
            return ""
        if weak := _weakness(here, info, uid):
            return weak
        if target:
            links += 1
            if links > _MOST_LINKS:
                return ""
            names += target.split("/")[::-1]
            here = "/" if target[0] == "/" else here.rpartition("/")[0]
    return ""


def _weakness(path: str, info: os.stat_result, uid: int) -> str:
    if info.st_uid not in (0, uid):
        return f"{path} belongs to {_user(info.st_uid)}, who could change it: chown root {path}, or keep it elsewhere"
    if stat.S_ISLNK(info.st_mode) or not info.st_mode & 0o022:
        return ""
    if stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX:
        return ""  # sticky: nobody can exchange what belongs to others
    who = "everybody" if info.st_mode & 0o002 else f"the group {_group(info.st_gid)}"
    return f"{who} may write {path}: chmod go-w {path}"


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _group(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
