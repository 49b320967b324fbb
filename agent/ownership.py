"""Who could change a file: with root's rights only what root alone may write is read or run."""

from __future__ import annotations

import os
import stat

_MOST_LINKS = 40


def weak_spot(path: str, uid: int = 0) -> str:
    """Say where others than root and the user `uid` could exchange a file or folder, and how to mend it.

    Empty when nobody else can, or when there is no such file. Looks at every folder and link on the way to it.
    """
    whole = path if path[:1] == "/" else f"{os.getcwd()}/{path}"  # noqa: PTH109 - a script check asks each run
    here, names, links = "", whole.split("/")[::-1], 0
    while names:
        name = names.pop()
        if name in ("", "."):
            continue
        if name == "..":  # links have been followed by now
            here = here.rpartition("/")[0]
            continue
        above, here = here, f"{here}/{name}"
        try:
            info = os.lstat(here)
            linked = stat.S_ISLNK(info.st_mode)
            target = os.readlink(here) if linked else ""  # noqa: PTH115 - as above
        except OSError:
            return ""
        open_to_others = info.st_mode & 0o022 and not linked
        if (open_to_others or info.st_uid not in (0, uid)) and (weak := _weakness(here, info, uid)):
            return weak
        if linked:
            links += 1
            if links > _MOST_LINKS:
                return ""
            names += target.split("/")[::-1]
            here = "" if target[0] == "/" else above
    return ""


def _weakness(path: str, info: os.stat_result, uid: int) -> str:
    if info.st_uid not in (0, uid):
        return f"{path} belongs to {_user(info.st_uid)}, who could change it: chown root {path}, or keep it elsewhere"
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
