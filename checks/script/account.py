"""Whose rights a program runs with."""

from __future__ import annotations

import grp
import os
import pwd
from typing import NamedTuple

from agent.api import CheckError


class Account(NamedTuple):
    """A user and the groups it belongs to."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def account_of(user: str, group: str) -> Account:
    """Look names up; CheckError where there is no such user or group."""
    uid, gid, home = os.geteuid(), os.getegid(), os.environ.get("HOME", "/")
    try:
        if user:
            entry = pwd.getpwnam(user)
            uid, gid, home = entry.pw_uid, entry.pw_gid, entry.pw_dir
    except KeyError:
        raise CheckError(f"no user is called {user!r} on this host (setting `user`)") from None
    try:
        if group:
            gid = grp.getgrnam(group).gr_gid
    except KeyError:
        raise CheckError(f"no group is called {group!r} on this host (setting `group`)") from None
    return Account(uid, gid, tuple(os.getgrouplist(user, gid)) if user else (gid,), home)
