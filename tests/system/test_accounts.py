"""Who a user is, is asked in bounded time."""

from __future__ import annotations

import os
import pwd
import threading
import time

from agent.system.accounts import Account, find_account


def test_a_user_is_known_with_his_groups() -> None:
    entry = pwd.getpwuid(os.getuid())
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    assert find_account(os.getuid()) == Account(entry.pw_name, os.getuid(), entry.pw_gid, groups)
    assert find_account(4_000_000_000) is None


def test_a_directory_that_hangs_is_waited_for_once_and_briefly() -> None:
    answers, asked = threading.Event(), []

    def ask(user: int) -> pwd.struct_passwd:
        asked.append(user)
        answers.wait(60)
        return pwd.getpwuid(os.getuid())

    began = time.monotonic()
    try:
        assert [find_account(17, ask) for _ in range(5)] == [None] * 5
        assert (asked, time.monotonic() - began < 30) == ([17], True)
    finally:
        answers.set()
