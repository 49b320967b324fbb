"""What one row of the process table says: /proc/N/stat as the manual numbers it, and the same by psutil."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.process.portable import PsutilRow
from checks.process.row import Row
from checks.process.table import Scanner
from tests.checks.process.processes import Start, row


def test_a_recorded_stat_line_is_read_as_the_manual_numbers_it() -> None:
    text = (
        b"1203 (postgres) S 1 1203 1203 0 -1 4194624 17362 890514 9 112 1250 375 3025 911 20 0 1 0 2214 222834688 6912 "
        b"18446744073709551615 1 1 0 0 0 0 0 19935232 84487 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    )
    seen = Row("/proc", 1203, text)
    assert (seen.name, seen.state, seen.parent, seen.threads, seen.kernel) == (b"postgres", "S", 1, 1, False)
    ticks = os.sysconf("SC_CLK_TCK")
    assert (seen.cpu, seen.started_at) == (1625 / ticks, 2214 / ticks)
    assert seen.rss == 6912 * os.sysconf("SC_PAGE_SIZE")


def test_a_recorded_kernel_thread_is_known_as_one() -> None:
    text = b"14 (ksoftirqd/0) S 2 0 0 0 -1 69238848 0 0 0 0 0 35 0 0 20 0 1 0 7 0 0 18446744073709551615 0 0 0 0\n"
    assert Row("/proc", 14, text).kernel


@given(name=st.binary(max_size=64), state=st.sampled_from("RSDZTtXI"), threads=st.integers(0, 10**6))
def test_any_bytes_in_a_name_leave_the_other_fields_where_they_are(name: bytes, state: str, threads: int) -> None:
    seen = row(name=name, state=state, threads=threads)
    assert (seen.name, seen.state, seen.threads, seen.parent, seen.started_at) == (name, state, threads, 1, 5.0)


def test_a_process_whose_first_thread_ended_is_no_zombie_while_others_work() -> None:
    assert not row(state="Z", threads=2).zombie
    assert row(state="Z", threads=1).zombie


def test_the_scan_agrees_with_psutil(start: Start) -> None:
    process = start("agreed")
    by_stat, by_psutil = Scanner().scan().by_pid[process.pid], PsutilRow(psutil.Process(process.pid))
    questions: list[Callable[[Row | PsutilRow], object]] = [
        lambda one: one.name,
        lambda one: one.parent,
        lambda one: one.threads,
        lambda one: one.uid(),
        lambda one: one.exe(),
        lambda one: one.open_files(),
        lambda one: one.command().rstrip(b"\0"),
        lambda one: one.zombie,
        lambda one: one.kernel,
    ]
    for ask in questions:
        assert ask(by_stat) == ask(by_psutil)
    age = Scanner().scan().now - by_stat.started_at
    assert age == pytest.approx(time.time() - by_psutil.started_at, abs=1)
