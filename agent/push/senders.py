"""Who pushes a result, and whether he may."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Callable, Iterable, Iterator

import msgspec

from agent.plugin.accounts import Directory, name_of_user

UNKNOWN = -1
"""In the place of a user or group: the system does not say."""
NAMELESS = "this host does not tell just now who sends this: its directory of users does not answer"
"""The sender may be one who may push: what he sends waits until the host tells, and holds up nothing behind it."""


class Sender(msgspec.Struct, frozen=True):
    """A user of this host, by what the kernel says of him."""

    user: int = UNKNOWN
    group: int = UNKNOWN


class Names:
    """What senders are called, as far as the host tells in time. Any thread may use it."""

    def __init__(
        self,
        on_late_answer: Callable[[], None] = lambda: None,
        look: Callable[[int], pwd.struct_passwd] = pwd.getpwuid,
    ) -> None:
        self._directory, self._look = Directory(on_late_answer), look

    def call(self, sender: Sender) -> str:
        """Return what a sender is called; only his number where nobody says more."""
        if sender.user == UNKNOWN:
            return "somebody"
        name = name_of_user(sender.user, self._look)
        return f"{name} (uid {sender.user})" if name else f"uid {sender.user}"

    def of(self, sender: Sender) -> set[str] | None:
        """Return the names of a sender and of his groups; None where nobody says them in time."""
        return self._directory.ask(sender, lambda: set(self._find(sender)))  # type: ignore[no-any-return]

    def _find(self, sender: Sender) -> Iterator[str]:
        groups = {sender.group}
        try:
            entry = self._look(sender.user)
            yield entry.pw_name
            groups |= set(os.getgrouplist(entry.pw_name, entry.pw_gid))
        except (KeyError, OverflowError):
            pass  # a user without a name has the groups of his process only
        for group in groups - {UNKNOWN}:
            try:
                yield grp.getgrgid(group).gr_name
            except (KeyError, OverflowError):
                continue


def peer(connection: socket.socket) -> Sender:
    """Return who is at the other end of a unix socket."""
    if not hasattr(socket, "SO_PEERCRED"):
        return Sender()
    _, user, group = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Sender(int(user), int(group))


def refusal(sender: Sender, senders: Iterable[str], names: Names) -> str:
    """Say why this sender may not push; empty when he may. Root and the agent's own user always may.

    `senders` are names of users and groups; without any, everybody may who reaches the socket or the spool.
    """
    allowed = set(senders)
    if not allowed or sender.user in (0, os.geteuid()):
        return ""
    his = names.of(sender)
    if his is None:
        return NAMELESS
    if allowed & his:
        return ""
    return f"takes results from {', '.join(sorted(allowed))} only (setting `from`), not from {names.call(sender)}"
