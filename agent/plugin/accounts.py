"""Users and groups by their numbers. The host's directory of them may be a server that does not answer for minutes."""

from __future__ import annotations

import grp
import os
import pwd
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from agent.plugin.shared_work import Call

LOOK_SECONDS = 0.5
"""Longest that anybody waits for an answer."""
MOST_QUESTIONS = 16
"""So many are asked at once: each that hangs has a thread."""

Ask = Callable[[int], pwd.struct_passwd]


class Directory:
    """The directory of users, asked in bounded time by any thread."""

    def __init__(self, on_late_answer: Callable[[], None] = lambda: None) -> None:
        self._on_late_answer = on_late_answer
        self._lock = threading.Lock()  # between two who ask
        self._questions: dict[object, Call] = {}

    def ask(self, about: object, look: Callable[[], Any]) -> Any:
        """Return what `look()` finds; None where no answer comes in time.

        `about` names the question: while one hangs it is not asked again, and nobody else waits for it.
        """
        with self._lock:
            question = self._questions.get(about)
            if question is None and len(self._questions) < MOST_QUESTIONS:
                question = self._questions[about] = Call(look, lambda: self._end(about))
                question.begin()
        if question is None or not question.done.wait(max(0.0, _seconds_left(question))):
            return None
        return question.result()

    def _end(self, about: object) -> None:
        with self._lock:
            question = self._questions.pop(about)
        if _seconds_left(question) <= 0:
            self._on_late_answer()


def _seconds_left(question: Call) -> float:
    return question.started_at + LOOK_SECONDS - time.monotonic()


HOST = Directory()


class Account(NamedTuple):
    """A user, and all groups that he belongs to."""

    name: str
    user: int
    group: int
    groups: tuple[int, ...]


def find_account(user: int, ask: Ask = pwd.getpwuid) -> Account | None:
    """Return who this is; None where nobody says so in time, or no such user is known."""
    return HOST.ask(("account", user, ask), lambda: _look_up(user, ask))  # type: ignore[no-any-return]


def _look_up(user: int, ask: Ask) -> Account | None:
    try:
        entry = ask(user)
    except (KeyError, OverflowError):
        return None
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)  # asks each directory, also of a user of /etc/passwd
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, tuple(groups))


def name_of_user(user: int, ask: Ask = pwd.getpwuid) -> str:
    """Return what a user is called; empty where nobody says so in time, or he has no name."""
    return HOST.ask(("user", user, ask), lambda: _name(lambda: ask(user).pw_name)) or ""


def name_of_group(group: int) -> str:
    """As `name_of_user`."""
    return HOST.ask(("group", group), lambda: _name(lambda: grp.getgrgid(group).gr_name)) or ""


def _name(look: Callable[[], str]) -> str:
    try:
        return look()
    except (KeyError, OverflowError):
        return ""
