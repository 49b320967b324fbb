"""Whose rights a program runs with."""

from __future__ import annotations

import grp
import os
import pwd
import re
from contextlib import suppress
from typing import NamedTuple

from agent.api import CheckError
from checks.script.home import home_of_the_agent

NOBODY = 2**32 - 1
"""The number that stands for none, and those beyond are none."""


class Account(NamedTuple):
    """A user and the groups it belongs to."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def account_of(user: str, group: str) -> Account:
    """Look names up, or numbers; CheckError where there is no such user or group."""
    gid = look_up_group(group) if group else None
    if not user:
        gid = os.getegid() if gid is None else gid
        return Account(os.geteuid(), gid, (gid,), home_of_the_agent())
    entry = look_up_user(user)
    if entry:
        gid = entry.pw_gid if gid is None else gid
        return Account(entry.pw_uid, gid, tuple(os.getgrouplist(entry.pw_name, gid)), entry.pw_dir)
    number = _number(user)
    if number is not None and gid is not None:
        return Account(number, gid, (gid,), "/")
    more = "" if number is None else ": write `group` too, for it has none"
    raise CheckError(f"no user is called {user!r} on this host (setting `user`){more}")


def look_up_user(user: str) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam(user)
    with suppress(KeyError):
        return None if (number := _number(user)) is None else pwd.getpwuid(number)
    return None


def look_up_group(name: str) -> int:
    with suppress(KeyError):
        return grp.getgrnam(name).gr_gid
    if (number := _number(name)) is None:
        raise CheckError(f"no group is called {name!r} on this host (setting `group`)")
    return number


def _number(word: str) -> int | None:
    return int(word) if re.fullmatch("[0-9]{1,10}", word) and int(word) < NOBODY else None
