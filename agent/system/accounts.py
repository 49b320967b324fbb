"""What the host's directory of users says, in bounded time: it may be a server that does not answer."""

from __future__ import annotations

import functools
import os
import pwd
from collections.abc import Callable
from typing import NamedTuple

from agent.plugin.shared_work import Call

LOOK_SECONDS = 1.0


class Account(NamedTuple):
    """A user, and all groups that he belongs to."""

    name: str
    user: int
    group: int
    groups: tuple[int, ...]


@functools.cache  # a command asks several times, and must not wait each time
def find_account(user: int, ask: Callable[[int], pwd.struct_passwd] = pwd.getpwuid) -> Account | None:
    """Return who this is; None where nobody says so in time, or no such user is known."""
    call = Call(lambda: _look_up(user, ask))
    call.begin()
    return call.result() if call.done.wait(LOOK_SECONDS) else None


def _look_up(user: int, ask: Callable[[int], pwd.struct_passwd]) -> Account | None:
    try:
        entry = ask(user)
    except (KeyError, OverflowError):
        return None
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)  # asks each directory, also of a user of /etc/passwd
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, tuple(groups))
