"""Who a user is, is asked in bounded time."""

from __future__ import annotations

import grp
import os
import pwd
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.plugin.accounts import MOST_QUESTIONS, Account, Directory, find_account, name_of_group, name_of_user
from tests.running.runs import wait_until


def test_a_user_is_known_with_his_groups() -> None:
    entry = pwd.getpwuid(os.getuid())
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    assert find_account(os.getuid()) == Account(entry.pw_name, os.getuid(), entry.pw_gid, groups)
    assert (name_of_user(os.getuid()), name_of_group(0)) == (entry.pw_name, grp.getgrgid(0).gr_name)
    assert (find_account(4_000_000_000), name_of_user(4_000_000_000), name_of_group(4_000_000_000)) == (None, "", "")


class Silent:
    """A directory that does not answer until it may."""

    def __init__(self) -> None:
        self.may_answer, self.asked = threading.Event(), 0

    def __call__(self, user: int) -> pwd.struct_passwd:
        self.asked += 1
        self.may_answer.wait(60)
        return pwd.getpwuid(os.getuid())


@pytest.fixture
def silent() -> Iterator[Silent]:
    one = Silent()
    yield one
    one.may_answer.set()


def test_a_directory_that_hangs_is_asked_once_and_waited_for_briefly(silent: Silent) -> None:
    began = time.monotonic()
    assert [find_account(17, silent) for _ in range(100)] == [None] * 100
    assert (silent.asked, time.monotonic() - began < 30) == (1, True)
    assert name_of_user(17, silent) == ""
    silent.may_answer.set()
    wait_until(lambda: find_account(17, silent) is not None)


def test_so_many_questions_hang_at_once_and_no_more(silent: Silent) -> None:
    with ThreadPoolExecutor(40) as pool:
        directory = Directory()
        said = list(pool.map(lambda user: directory.ask(user, lambda: silent(user)), range(100, 140)))
    assert (said, silent.asked) == ([None] * 40, MOST_QUESTIONS)
