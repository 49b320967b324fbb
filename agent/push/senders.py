"""Who pushes a result, and whether he may."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from agent.plugin.shared_work import Call

UNKNOWN = -1
"""In the place of a user or group: the system does not say."""
NAMELESS = "this host does not tell just now who sends this: its directory of users does not answer"
"""The sender may be one who may push: what he sends waits until the host tells, and holds up nothing behind it."""
LOOK_SECONDS = 0.5
"""Longest that a sender waits for his own name; the directory may be a server that does not answer."""
MOST_QUESTIONS = 16
"""Users that the directory is asked for at once: each question that hangs has a thread."""


class Sender(msgspec.Struct, frozen=True):
    """A user of this host, by what the kernel says of him."""

    user: int = UNKNOWN
    group: int = UNKNOWN


class Directory:
    """The host's directory of users, which may be a server that hangs: asked in bounded time, by any thread."""

    def __init__(
        self,
        on_late_answer: Callable[[], None] = lambda: None,
        look: Callable[[int], pwd.struct_passwd] = pwd.getpwuid,
    ) -> None:
        self._on_late_answer, self._look = on_late_answer, look
        self._lock = threading.Lock()  # between two who ask
        self._questions: dict[object, Call] = {}

    def call(self, sender: Sender) -> str:
        """Return what a sender is called; only his number where nobody says more in time."""
        if sender.user == UNKNOWN:
            return "somebody"
        name = self._ask(sender.user, lambda: self._name(sender.user))
        return f"{name} (uid {sender.user})" if name else f"uid {sender.user}"

    def names_of(self, sender: Sender) -> set[str] | None:
        """Return the names of a sender and of his groups; None where nobody says them in time."""
        return self._ask(sender, lambda: set(self._names(sender)))  # type: ignore[no-any-return]

    def _name(self, user: int) -> str:
        try:
            return self._look(user).pw_name
        except (KeyError, OverflowError):
            return ""

    def _names(self, sender: Sender) -> Iterator[str]:
        """Yield the names of the sender and of his groups."""
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

    def _ask(self, about: object, look: Callable[[], Any]) -> Any:
        """Return the answer to a question, which is asked once as long as it hangs; None where none came in time."""
        with self._lock:
            question = self._questions.get(about)
            if question is None and len(self._questions) < MOST_QUESTIONS:
                question = self._questions[about] = Call(look, lambda: self._end(about))
                question.begin()
        if question is None or not question.done.wait(max(0.0, self._seconds_left(question))):
            return None
        return question.result()

    def _end(self, about: object) -> None:
        with self._lock:
            question = self._questions.pop(about)
        if self._seconds_left(question) <= 0:
            self._on_late_answer()

    def _seconds_left(self, question: Call) -> float:
        return question.started_at + LOOK_SECONDS - time.monotonic()


def peer(connection: socket.socket) -> Sender:
    """Return who is at the other end of a unix socket."""
    if not hasattr(socket, "SO_PEERCRED"):
        return Sender()
    _, user, group = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return Sender(int(user), int(group))


def refusal(sender: Sender, senders: Iterable[str], directory: Directory) -> str:
    """Say why this sender may not push; empty when he may. Root and the agent's own user always may.

    `senders` are names of users and groups; without any, everybody may who reaches the socket or the spool.
    """
    allowed = set(senders)
    if not allowed or sender.user in (0, os.geteuid()):
        return ""
    names = directory.names_of(sender)
    if names is None:
        return NAMELESS
    if allowed & names:
        return ""
    return f"takes results from {', '.join(sorted(allowed))} only (setting `from`), not from {directory.call(sender)}"
