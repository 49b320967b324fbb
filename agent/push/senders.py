"""Who pushes a result, and whether he may."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Iterable, Iterator

import msgspec

UNKNOWN = -1
"""In the place of a user or group: the system does not say."""


class Sender(msgspec.Struct, frozen=True):
    """A user of this host, by what the kernel says of him."""

    user: int = UNKNOWN
    group: int = UNKNOWN

    def __str__(self) -> str:
        if self.user == UNKNOWN:
            return "somebody"
        try:
            return f"{pwd.getpwuid(self.user).pw_name} (uid {self.user})"
        except KeyError:
            return f"uid {self.user}"


def peer(connection: socket.socket) -> Sender:
    """Return who is at the other end of a unix socket."""
    if not hasattr(socket, "SO_PEERCRED"):
        return Sender()
    _, user, group = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Sender(int(user), int(group))


def refusal(sender: Sender, senders: Iterable[str]) -> str:
    """Say why this sender may not push; empty when he may. Root and the agent's own user always may.

    `senders` are names of users and groups; without any, everybody may who reaches the socket or the spool.
    """
    names = set(senders)
    if not names or sender.user in (0, os.geteuid()) or names & set(_names(sender)):
        return ""
    return f"takes results from {', '.join(sorted(names))} only (setting `from`), not from {sender}"


def _names(sender: Sender) -> Iterator[str]:
    """Yield the names of the sender and of his groups."""
    groups = {sender.group}
    try:
        entry = pwd.getpwuid(sender.user)
        yield entry.pw_name
        groups |= set(os.getgrouplist(entry.pw_name, entry.pw_gid))
    except (KeyError, OverflowError):
        pass  # a user without a name has the groups of his process only
    for group in groups - {UNKNOWN}:
        try:
            yield grp.getgrgid(group).gr_name
        except (KeyError, OverflowError):
            continue
