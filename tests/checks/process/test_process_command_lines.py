"""Which command lines a pattern finds, and how seldom each is read and searched."""

from __future__ import annotations

import re
import shlex
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import Regex, Status
from checks.process import Process
from checks.process.commands import Commands
from checks.process.lines import CommandLine
from checks.process.row import LONGEST, Row
from checks.process.table import Scanner, Table
from tests.checks.process.processes import FakeProc, metric, pids, row, stat_text


def test_a_command_line_is_matched_as_it_is_now_however_old_the_process(fake_proc: FakeProc) -> None:
    idle: dict[str, Any] = {"match": Regex("^postgres: .* idle in transaction"), "min": 0, "max": 0}
    fake_proc.add(20, started=100, command=b"postgres: app shop idle\0")
    assert fake_proc.look(**idle).status is Status.OK
    fake_proc.add(20, started=100, command=b"postgres: app shop idle in transaction\0")
    assert fake_proc.look(**idle).status is Status.CRITICAL
    fake_proc.add(20, started=100, command=b"postgres: app shop idle\0")
    assert fake_proc.look(**idle).status is Status.OK


def test_the_end_of_a_command_line_of_any_length_is_looked_at(fake_proc: FakeProc) -> None:
    for length in (10, 4_000, 65_500, 65_536, 131_000, 131_072, 200_000, 1_900_000):
        fake_proc.add(20, started=100 + length, command=b"java\0-cp\0" + b"x" * length + b"\0shop.Main\0")
        assert fake_proc.look(match=Regex("^java -cp x+ shop.Main$")).status is Status.OK, length
        assert len(row_line(fake_proc).raw) <= 2 * LONGEST


def row_line(fake_proc: FakeProc) -> CommandLine:
    table = Scanner(str(fake_proc.folder), own=0).scan()
    return CommandLine(table.by_pid[20].command())


LINES = st.sampled_from(["app one", "app two", "sh -c app", "vim app", "other", "", "a" * 5000])


PATTERNS = ["app", "one$", "^sh", "a{3}", "o(n|th)e"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(LINES, min_size=1, max_size=5), min_size=1, max_size=5))
def test_what_patterns_have_found_is_remembered_and_never_wrong(scans: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        host = FakeProc(Path(folder))
        for lines in scans:
            for pid, line in enumerate(lines, 20):
                host.add(pid, name=b"app", command=line.replace(" ", "\0").encode() + b"\0")
            for pid in range(20 + len(lines), 25):
                shutil.rmtree(host.folder / str(pid), ignore_errors=True)
            for pattern in PATTERNS:
                found = metric(host.look(name="app", match=Regex(pattern), min=0), "count")
                assert found == sum(re.search(pattern, line) is not None for line in lines)
                left = metric(host.look(name="app", exclude=Regex(pattern), min=0), "count")
                assert left == len(lines) - found


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.lists(LINES, max_size=6), st.sets(st.sampled_from(PATTERNS))), max_size=5))
def test_of_many_patterns_none_loses_a_process_that_fits_whatever_was_searched_before(
    scans: list[tuple[list[str], set[str]]],
) -> None:
    commands = Commands()
    known: dict[str, CommandLine] = {}
    for lines, patterns in scans:
        for line in lines:
            known.setdefault(line, command_line(line))
        table = Table(with_lines(known[line] for line in lines), commands, now=100.0)
        for pattern in patterns:
            fresh = Table(with_lines(map(command_line, lines)), Commands(), now=100.0)
            assert pids(Process(match=Regex(pattern)), table) == pids(Process(match=Regex(pattern)), fresh)


def command_line(text: str) -> CommandLine:
    return CommandLine(text.replace(" ", "\0").encode() + b"\0")


def with_lines(lines: Iterable[CommandLine]) -> list[Row]:
    rows = []
    for pid, line in enumerate(lines, 20):
        rows.append(row(pid, name=b"app"))
        rows[-1].line, rows[-1].line_read = line, True
    return rows


def test_a_check_looks_at_new_lines_and_at_those_its_pattern_was_found_in_and_at_no_others() -> None:
    commands = Commands()
    lines = [command_line(f"app {number}") for number in range(500)]
    for turn in range(3):
        table = Table(with_lines([*lines[:-1], command_line("new")]), commands, now=100.0)
        assert pids(Process(match=Regex(" 7$")), table) == [27]
        possible = table.by_pattern.possible(table.running, commands.searches.bit(Regex(" 7$"), by_words=True))
        assert len(possible) == (500 if turn == 0 else 2)


def test_checks_that_come_at_once_have_each_command_line_read_once() -> None:
    read: list[int] = []

    class Slow(Row):
        def command(self) -> bytes:
            read.append(self.pid)
            time.sleep(0.002)
            return b"app\0"

    table = Table([Slow("/nowhere", pid, stat_text()) for pid in range(20, 60)], Commands(), now=100.0)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: pids(Process(match=Regex("app")), table), range(8)))
    assert found == [list(range(20, 60))] * 8
    assert sorted(read) == list(range(20, 60))


def test_a_line_is_searched_once_as_long_as_it_is_the_same(fake_proc: FakeProc) -> None:
    searched: list[str] = []

    class Counting(Regex):
        __slots__ = ()

        def __init__(self, text: str) -> None:
            super().__init__(text)
            search = self.search
            self.search = lambda line, seconds=None: (searched.append(line), search(line, seconds))[1]  # type: ignore

    fake_proc.add(20, command=b"one\0")
    for _ in range(3):
        fake_proc.look(match=Counting("one|two"))
    assert sorted(searched) == ["init", "one"]
    fake_proc.add(20, command=b"two\0")
    assert fake_proc.look(match=Counting("one|two")).status is Status.OK
    assert sorted(searched) == ["init", "one", "two"]


def test_a_line_that_a_pattern_is_too_slow_for_is_unsure_and_costs_no_later_run(fake_proc: FakeProc) -> None:
    fake_proc.add(20, command=b"a" * 4000 + b"!\0")
    fake_proc.add(21, command=b"aa\0")
    slow = Regex("^(a|aa)+$")
    assert fake_proc.look(match=slow).status is Status.OK, "one runs, whatever the other is"
    began = time.process_time()
    result = fake_proc.look(match=slow, min=2)
    assert time.process_time() - began < 0.2
    assert result.status is Status.NODATA
    assert "the pattern takes too long on the command line of process 20" in result.summary


@pytest.mark.parametrize(
    ("lines", "pattern", "expected"),
    [
        (
            ["realapp --serve", "sh -c 'sleep 1; realapp --serve'", "vim realapp.conf", "less /var/log/realapp"],
            "realapp",
            1,
        ),
        (["/usr/bin/vim realapp.conf"], "bin/vim .*conf", 1),
        (["sh -c 'while true; do realapp; done'"], "realapp", 1),
        (["bash /opt/realapp/run.sh", "/opt/realapp/bin/worker"], "realapp", 2),
        (["sudo -u app realapp", "realapp"], "^realapp", 1),
        (["realapp", "sudo -u app realapp"], "realapp", 1),
    ],
)
def test_what_only_names_a_program_in_its_arguments_is_not_the_program(
    fake_proc: FakeProc, lines: list[str], pattern: str, expected: int
) -> None:
    # Each is started by the next one, as a shell starts what it runs.
    for pid, line in enumerate(lines, 20):
        parent = pid + 1 if pid + 1 < 20 + len(lines) else 1
        folder = fake_proc.add(pid, command="\0".join(shlex.split(line)).encode() + b"\0")
        stat = (folder / "stat").read_bytes().replace(b" S 1 7 ", b" S %d 7 " % parent)
        (folder / "stat").write_bytes(stat)
    assert metric(fake_proc.look(match=Regex(pattern)), "count") == expected


def test_exclude_leaves_out_and_alone_says_nothing(fake_proc: FakeProc) -> None:
    fake_proc.add(20, command=b"java\0shop\0")
    fake_proc.add(21, command=b"java\0shop\0--migrate\0")
    assert metric(fake_proc.look(match=Regex("shop"), exclude=Regex("--migrate")), "count") == 1
    ((setting, _),) = Process(exclude=Regex("x")).problems()
    assert setting == "name"
