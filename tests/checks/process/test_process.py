"""The process check, on processes that are really there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import CheckError, Context, Duration, DurationAbove, NumberAbove, Regex, Result, SizeAbove, Status
from agent.config.catalog import Catalog
from agent.config.drop_ins import load
from agent.plugin.context import SharedWork
from agent.plugin.results import gather
from checks.process import CorePercent, CoresAbove, Process, count_status
from checks.process.changes import cpu_percent, of_this_boot, restart, stuck
from checks.process.commands import Commands
from checks.process.counting import judge_count
from checks.process.lines import CommandLine
from checks.process.matching import find
from checks.process.portable import PsutilRow
from checks.process.row import LONGEST, Row
from checks.process.table import Scanner, Table
from tests import needs

Start = Callable[..., subprocess.Popen[bytes]]
NUMBERS = (
    "{parent} 7 7 0 -1 4194560 173 0 0 0 {cpu} 5 0 0 20 0 {threads} 0 {started} 1048576 {pages} 18446744073709551615"
)


def stat_text(
    name: bytes = b"x",
    state: str = "S",
    cpu: int = 0,
    threads: int = 1,
    started: int = 500,
    parent: int = 1,
    pages: int = 3,
) -> bytes:
    numbers = NUMBERS.format(cpu=cpu, threads=threads, started=started, parent=parent, pages=pages).encode()
    return b"7 (%b) %b %b 1 1 0 0 0 0\n" % (name, state.encode(), numbers)


def row(pid: int = 7, **values: Any) -> Row:
    return Row("/nowhere", pid, stat_text(**values))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start programs, by default a copy of sleep under any name; they end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str | bytes = "victim", *arguments: str | bytes, **options: Any) -> subprocess.Popen[bytes]:
        program = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), os.fsencode(name))))  # noqa: PTH118 - bytes
        if not program.exists():
            shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
        process: subprocess.Popen[bytes] = subprocess.Popen([program, "600", *arguments], **options)
        started.append(process)
        wait_for_exec(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def look(shared: SharedWork | None = None, memory: dict[str, object] | None = None, **settings: Any) -> Result:
    """Run a check on a new scan in which nothing counts as the agent's own, and merge what it says."""
    shared = shared or SharedWork()
    due = time.monotonic()
    shared.once("processes", due, Scanner(own=0).scan)
    ctx = Context("web", shared=shared, due=due, memory=memory)
    (result,) = gather(Process(**settings).run(ctx))
    return result


def metric(result: Result, name: str) -> float:
    return {one.name: one.value for one in result.metrics}[name]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.005)


def wait_for_exec(process: subprocess.Popen[bytes]) -> None:
    """Wait for name and arguments: the kernel sets them after it has closed the pipe that Popen waits for."""
    wait_for(lambda: b"\x00600\x00" in Path(f"/proc/{process.pid}/cmdline").read_bytes())


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


# What /proc/N/stat says


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


# Which processes


@pytest.mark.parametrize("name", ["a) (b", "with space", ") R 1 (", "exactly-15-byte", "naïve", "1234", "((((", "a\nb"])
def test_odd_names_are_found(start: Start, name: str) -> None:
    process = start(name)
    assert look(name=name).status is Status.OK
    process.kill()
    process.wait()
    assert look(name=name).status is Status.CRITICAL


def test_a_name_longer_than_the_kernel_keeps_is_told_from_its_longer_sisters(start: Start) -> None:
    start("long-name-of-a-daemon"), start("long-name-of-a-demon"), start("long-name-of-a-")
    assert metric(look(name="long-name-of-a-daemon"), "count") == 1
    assert metric(look(name="long-name-of-a-"), "count") == 1
    assert look(name="long-name-of-a-da").status is Status.CRITICAL


def test_a_script_is_found_by_its_own_long_name_behind_its_interpreter(start: Start, tmp_path: Path) -> None:
    script = tmp_path / "script-with-a-long-name.sh"
    script.write_text("#!/bin/sh\nread forever\n")
    script.chmod(0o700)
    start(script.name, stdin=subprocess.PIPE)
    assert metric(look(name=script.name), "count") == 1


def test_bytes_that_are_no_utf8_in_names_and_arguments_harm_nobody(start: Start) -> None:
    start(b"bad\xff\xfename", b"0")
    result = look(match=Regex("/bad..name 600 0$"), min=2)
    assert metric(result, "count") == 1
    assert "bad??name: state" in result.details or "bad\ufffd\ufffdname: state" in result.details
    (result.summary + result.details).encode()


def test_match_looks_at_the_arguments_joined_by_spaces(start: Start) -> None:
    start("java", "0", "0"), start("java", "1", "0")
    assert metric(look(match=Regex(r"/java 600 0 0$")), "count") == 1
    assert metric(look(match=Regex(r"/java 600")), "count") == 2
    assert metric(look(name="java", match=Regex(" 1 0")), "count") == 1


def test_match_finds_neither_the_agent_nor_what_it_started(start: Start) -> None:
    start("plugin", "0")
    (result,) = gather(Process(match=Regex("/plugin 600"), min=0).run(Context("web")))
    assert metric(result, "count") == 0
    assert metric(look(match=Regex("/plugin 600")), "count") == 1
    table = Scanner().scan()
    assert table.of_agent(table.by_pid[os.getpid()])
    assert not table.of_agent(table.by_pid[1])


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


def pids(check: Process, table: Table) -> list[int]:
    return sorted(one.pid for one in find(check, table, Context()).rows)


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


def test_a_process_in_a_container_can_be_left_out(start: Start) -> None:
    needs.root()  # of another's agent nobody else may see the command line, so that "none" is never sure
    sleep = needs.command("sleep")
    inside = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", sleep, "64321"])
    try:
        wait_for(lambda: look(match=Regex(r"^\S*sleep 64321$")).status is Status.OK)
        # Not at once: another process of this machine may be in state D, and its command line is not known.
        wait_for(lambda: look(match=Regex(r"^\S*sleep 64321$"), containers=False).status is Status.CRITICAL)
        start("victim", "1")
        assert look(match=Regex("/victim 600 1$"), containers=False).status is Status.OK
    finally:
        inside.kill()
        inside.wait()


def test_pss_counts_what_is_shared_once() -> None:
    code = (
        "import mmap, os, time\nroom = mmap.mmap(-1, 64 << 20)\n"
        "for at in range(0, 64 << 20, 4096): room[at] = 1\n"
        "os.fork(), os.fork()\nroom[::4096]\nopen(os.environ['READY'], 'a').write('x'), time.sleep(600)"
    )
    with TemporaryDirectory() as folder:
        ready = Path(folder) / "ready"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "shared-memory"],
            start_new_session=True,
            env=os.environ | {"READY": str(ready)},
        )
        try:
            wait_for(lambda: ready.exists() and len(ready.read_text()) == 4)
            result = look(match=Regex("shared-memory$"), pss_warning=SizeAbove.parse("1GiB"))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert metric(result, "count") == 4
    assert metric(result, "rss") > 4 * (64 << 20)
    assert 64 << 20 < metric(result, "pss") < 2 * (64 << 20)


def test_a_count_can_be_a_warning(start: Start) -> None:
    for _ in range(3):
        start("worker")
    for written, says in [("3", " (warning from 3)"), ("4:", " (warning range 4:)")]:
        result = look(name="worker", count_warning=NumberAbove.parse(written))
        assert (result.status, says in result.summary) == (Status.WARNING, True)
    assert look(name="worker", count_warning=NumberAbove.parse("2:5")).status is Status.OK
    assert look(name="worker", min=4, count_warning=NumberAbove.parse("2:5")).status is Status.CRITICAL


def test_where_exe_cannot_be_seen_only_what_is_called_like_it_is_unsure(fake_proc: FakeProc) -> None:
    class Hidden(Row):
        __slots__ = ()

        def exe(self) -> str:
            raise PermissionError

    def status(name: bytes, command: bytes) -> Status:
        fake_proc.add(20, name=name, command=command)
        table = fake_proc.scanner.scan()
        rows = [Hidden(str(fake_proc.folder), 20, stat_text(name=name))]
        shared = SharedWork()
        due = time.monotonic()
        shared.once("processes", due, lambda: Table(rows, table.commands, now=table.now))
        (result,) = gather(Process(exe="/usr/sbin/sshd").run(Context("web", shared=shared, due=due)))
        return result.status

    assert status(b"cron", b"/usr/sbin/cron\0-f\0") is Status.CRITICAL
    assert status(b"sshd", b"sshd: /usr/sbin/sshd -D\0") is Status.NODATA
    assert status(b"other", b"/usr/sbin/sshd\0") is Status.NODATA


def test_exe_is_the_program_itself_whatever_it_calls_itself(start: Start, tmp_path: Path) -> None:
    process = start("real-program", executable=tmp_path / "real-program")
    (tmp_path / "link").symlink_to(tmp_path / "real-program")
    where: dict[str, Any] = {"name": "real-program"}  # other users' programs may be invisible here; their names are not
    assert metric(look(exe=str(tmp_path / "real-program"), **where), "count") == 1
    assert metric(look(exe=str(tmp_path / "link"), **where), "count") == 1
    assert look(exe="/bin/false", **where).status is Status.CRITICAL
    (tmp_path / "real-program").unlink()
    assert metric(look(exe=str(tmp_path / "real-program"), **where), "count") == 1, "an upgrade has replaced it"
    assert process.poll() is None


def test_user_is_the_effective_one_by_name_or_number(start: Start) -> None:
    needs.root()
    start("worker")
    sleep = needs.command("sleep")
    start("worker", executable=sleep, user=64123, cwd="/")
    assert metric(look(name="worker", user="root"), "count") == 1
    assert metric(look(name="sleep", user="64123"), "count") == 1
    assert look(name="worker", user="daemon").status is Status.CRITICAL
    with pytest.raises(CheckError, match="knows no user 'nosuchuser'"):
        look(user="nosuchuser")


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "does not exist"), ("", "is empty"), ("soon\n", "holds no pid"), ("32769999\n", "not run")],
)
def test_a_pidfile_that_names_nobody_says_why(tmp_path: Path, text: str | None, says: str) -> None:
    pidfile = tmp_path / "daemon.pid"
    if text is not None:
        pidfile.write_text(text)
    result = look(pidfile=str(pidfile))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("web: 0 running (at least 1 expected): ")
    assert says in result.summary


def test_a_pidfile_finds_its_process_and_notices_another_program_with_that_pid(start: Start, tmp_path: Path) -> None:
    start("daemon")
    pidfile = tmp_path / "daemon.pid"
    pidfile.write_text(f" {start('daemon').pid}\nsecond line\n")
    assert metric(look(pidfile=str(pidfile)), "count") == 1
    assert metric(look(pidfile=str(pidfile), name="daemon"), "count") == 1
    assert look(pidfile=str(pidfile), name="other").summary.endswith("holds the pid of another program")


def test_a_pidfile_that_is_none_is_nodata_and_waits_for_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(CheckError, match="is not a regular file"):
            look(pidfile=str(path))


# How many


@pytest.mark.parametrize(
    ("running", "unsure", "least", "most", "status"),
    [
        (0, 0, 1, None, Status.CRITICAL),
        (1, 0, 1, None, Status.OK),
        (0, 0, 0, 0, Status.OK),
        (1, 0, 0, 0, Status.CRITICAL),
        (3, 0, 1, 2, Status.CRITICAL),
        (0, 1, 1, None, Status.NODATA),
        (0, 1, 2, None, Status.CRITICAL),
        (1, float("inf"), 1, None, Status.OK),
        (1, float("inf"), 1, 5, Status.NODATA),
        (6, float("inf"), 1, 5, Status.CRITICAL),
    ],
)
def test_a_count_is_judged_only_as_far_as_it_is_known(
    running: int, unsure: float, least: int, most: int | None, status: Status
) -> None:
    assert count_status(running, unsure, least, most) is status


def test_a_process_that_is_down_from_the_start_is_a_problem() -> None:
    result = look(name="no-such-daemon")
    assert result.status is Status.CRITICAL
    assert result.summary == "no-such-daemon: 0 running (at least 1 expected)"
    assert metric(result, "count") == 0


def test_too_many_are_counted_and_named_without_their_arguments(start: Start) -> None:
    pids = [start("victim", "0", "0").pid for _ in range(3)]
    result = look(name="victim", max=2)
    assert result.summary.startswith("victim: 3 running (at most 2 expected)")
    assert all(f"{pid} victim: state" in result.details for pid in pids)
    assert " 600" not in result.details, "arguments may hold secrets"


def test_a_zombie_that_may_be_anything_is_not_mentioned(fake_proc: FakeProc) -> None:
    fake_proc.add(20, name=b"x", state="Z")
    for asked in ({"match": Regex("nobody")}, {"exe": "/nobody"}, {"user": "0", "exclude": Regex(".")}):
        assert "zombie" not in fake_proc.look(**asked).summary
    assert fake_proc.look(name="x").summary == "x: 0 running (at least 1 expected), 1 zombie"


def test_a_killed_process_is_missed_and_its_zombie_mentioned(start: Start) -> None:
    process = start("victim")
    assert look(name="victim").summary == "victim: 1 running"
    process.kill()
    wait_for(lambda: state_of(process.pid) == "Z")
    result = look(name="victim")
    assert result.status is Status.CRITICAL
    assert result.summary == "victim: 0 running (at least 1 expected), 1 zombie"
    result = look(name="victim", min=0, zombies_warning=NumberAbove.parse(1))
    assert result.status is Status.WARNING
    assert result.summary.startswith("1 zombie (warning from 1)")
    assert f"parent {os.getpid()} " in result.details, "it is the parent that has to be mended"
    process.wait()
    assert look(name="victim", min=0, zombies_warning=NumberAbove.parse(1)).status is Status.OK


def test_a_stopped_process_runs_but_is_not_enough(start: Start) -> None:
    process = start()
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: state_of(process.pid) == "T")
    stopped = look(name="victim")
    assert (stopped.status, stopped.summary) == (
        Status.CRITICAL,
        "victim: 1 running, 1 of them stopped (at least 1 expected)",
    )
    assert look(name="victim", min=0, max=0).summary.endswith("(at most 0 expected)")
    start()
    assert (look(name="victim").status, look(name="victim", min=2).status) == (Status.OK, Status.CRITICAL)
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: state_of(process.pid) != "T")
    assert look(name="victim", min=2).status is Status.OK


def test_a_debugger_that_stops_a_process_for_a_moment_does_no_harm() -> None:
    table = Table([row(7, state="t")], Commands(), now=100.0)
    check = Process(name="x")
    assert judge_count(check, find(check, table, Context("x")), table, "x").status is Status.OK


@pytest.mark.parametrize(
    "name", ["[victim]", "victim ", " victim", "Victim", "victim -x", "victim: worker", "./victim", "-victim"]
)
def test_a_name_as_people_write_it_is_told_how_it_is_called(name: str, start: Start) -> None:
    start()
    for least, status in ((1, Status.CRITICAL), (0, Status.OK)):
        result = look(name=name, min=least)
        assert (result.status, result.summary.endswith("but one 'victim'")) == (status, True), result.summary
    assert "but one" not in look(name="another").summary


def test_an_exe_that_is_a_script_is_told_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "daemon").write_text("#!/bin/sh\nsleep 600\n")
    assert look(exe=str(tmp_path / "daemon")).summary.endswith(
        "exe is a script, which its interpreter runs: write name or match"
    )
    assert "script" not in look(exe=str(tmp_path / "gone")).summary


def test_a_thread_of_the_kernel_is_not_what_a_pidfile_means(tmp_path: Path) -> None:
    pidfile = tmp_path / "daemon.pid"
    pidfile.write_text("7")
    for flags, status in ((4194560, Status.OK), (2129984, Status.CRITICAL)):
        thread = Row("/nowhere", 7, stat_text().replace(b"4194560", b"%d" % flags))
        table, check = Table([thread], Commands(), now=100.0), Process(pidfile=str(pidfile))
        assert judge_count(check, find(check, table, Context("x")), table, "x").status is status


# What they use


def test_limits_say_the_number_and_the_level(start: Start) -> None:
    pids = {start("victim").pid, start("victim").pid}
    result = look(name="victim", rss_warning=SizeAbove.parse("1kB"), rss_critical=SizeAbove.parse("2kB"))
    assert result.status is Status.CRITICAL
    assert "RSS (critical from 2kB), victim: 2 running" in result.summary
    rss = sum(psutil.Process(pid).memory_info().rss for pid in pids)
    assert metric(result, "rss") == pytest.approx(rss, rel=0.5), "they are still being loaded"
    assert look(name="victim", threads_warning=NumberAbove.parse(2)).summary.startswith("2 threads (warning from 2)")
    assert look(name="victim", threads_warning=NumberAbove.parse(3)).status is Status.OK
    assert look(name="victim", open_files_critical=NumberAbove.parse(1000)).status is Status.OK
    assert look(name="victim", open_files_critical=NumberAbove.parse(2)).status is Status.CRITICAL


def test_age_is_that_of_the_oldest_and_may_be_too_high_or_too_low(start: Start) -> None:
    start("victim")
    assert look(name="victim", age_warning=DurationAbove.parse("1h")).status is Status.OK
    result = look(name="victim", age_warning=DurationAbove.parse("5m:"))
    assert result.status is Status.WARNING
    assert "ago (warning range 5m:)" in result.summary
    assert 0 <= metric(result, "age") < 60


def test_cpu_is_silent_at_first_and_then_what_was_used_since(start: Start) -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    memory: dict[str, object] = {}
    try:
        wait_for(lambda: b"while True" in Path(f"/proc/{busy.pid}/cmdline").read_bytes())
        where: dict[str, Any] = {"match": Regex("while True: pass"), "cpu_warning": CoresAbove.parse("1%")}
        first = look(memory=memory, **where)
        assert first.status is Status.OK
        assert "cpu" not in {one.name for one in first.metrics}
        assert look(memory=memory, **where).summary == "web: 1 running", "so soon after it, no number is true"
        memory["cpu_at"] -= 1.5  # type: ignore[operator]  # as if that long ago
        before = psutil.Process(busy.pid).cpu_times()
        wait_for(lambda: psutil.Process(busy.pid).cpu_times().user > before.user + 0.5)
        second = look(memory=memory, **where)
        assert second.status is Status.WARNING
        assert "% CPU (warning from 1%)" in second.summary
    finally:
        busy.kill()
        busy.wait()


def test_cpu_counts_processes_that_began_meanwhile_and_no_old_use_of_others() -> None:
    memory: dict[str, object] = {}
    old, strange, young = row(1, started=100), row(2, started=100, cpu=9999), row(3, started=1500, cpu=95)
    assert cpu_percent(memory, [old], 10.0) is None
    assert cpu_percent(memory, [old, strange, young], 20.0) == pytest.approx(10.0)
    assert cpu_percent(memory, [old, strange, young], 19.0) is None, "the clock of another boot"


def test_percent_of_one_core_goes_beyond_a_hundred() -> None:
    assert CorePercent.parse("250%") == CorePercent(250)
    for wrong in ("250", 250, "much", "-1%"):
        with pytest.raises(ValueError, match="write for example"):
            CorePercent.parse(wrong)


# What changes


def test_a_restart_is_told_in_the_run_that_sees_it_and_never_again(start: Start) -> None:
    memory: dict[str, object] = {}
    first = start("victim")
    assert look(memory=memory, name="victim", restart="warning").status is Status.OK
    assert look(memory=memory, name="victim", restart="warning").status is Status.OK
    first.kill()
    first.wait()
    second = start("victim")
    result = look(memory=memory, name="victim", restart="warning")
    assert result.status is Status.WARNING
    assert result.summary.startswith(f"restarted: process {first.pid} ended, the oldest is now {second.pid}, started ")
    assert look(memory=memory, name="victim", restart="warning").status is Status.OK


def test_the_same_pid_with_another_start_is_a_restart() -> None:
    memory: dict[str, object] = {}
    assert restart(memory, [row(7, started=100)], 10) == ""
    assert (
        restart(memory, [row(7, started=900)], 10) == "restarted: process 7 ended, the oldest is now 7, started 1s ago"
    )


def test_workers_come_and_go_without_a_restart_and_an_outage_is_not_told_twice() -> None:
    memory: dict[str, object] = {}
    master = row(1, started=100)
    assert restart(memory, [master, row(2, started=200)], 10) == ""
    assert restart(memory, [row(3, started=300), master], 10) == ""
    assert restart(memory, [], 10) == ""
    assert restart(memory, [row(4, started=400)], 10) == ""


def test_a_new_boot_forgets_what_was_before() -> None:
    memory: dict[str, object] = of_this_boot({}, "one")
    restart(memory, [row(1, started=100)], 10)
    assert restart(of_this_boot(memory, "two"), [row(2, started=200)], 10) == ""


def test_stuck_is_waiting_for_long_without_using_cpu() -> None:
    memory: dict[str, object] = {}
    still, busy = row(1, state="D"), row(2, state="D")
    assert stuck(memory, [still, busy], 1000, 120) == []
    assert stuck(memory, [still, row(2, state="D", cpu=50)], 1060, 120) == []
    assert stuck(memory, [still, row(2, state="D", cpu=50)], 1120, 120) == [still]
    assert stuck(memory, [row(1)], 1180, 120) == []
    assert stuck(memory, [still], 1240, 120) == [], "it begins anew"
    assert stuck({}, [still], 1240, 0) == [still]


def test_a_process_in_state_d_is_stuck_for_real() -> None:
    # After vfork the parent waits, uninterruptibly, until the child ends or becomes another program.
    code = "import ctypes, os, time; ctypes.CDLL(None).vfork(); os.write(1, b'.'); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        # Before the child's word, the start of a Python may wait for the disk, in the same state, for a moment only.
        assert process.stdout.read(1) == b"."
        wait_for(lambda: state_of(process.pid) == "D")
        memory: dict[str, object] = {}
        settings: dict[str, Any] = {"user": str(os.getuid()), "stuck_critical": NumberAbove.parse(1)}
        assert look(memory=memory, stuck_after=Duration(60), **settings).status is Status.OK
        result = look(memory=memory, stuck_after=Duration(0), **settings)
        assert result.status is Status.CRITICAL
        # Others may wait for a disk at this very moment.
        assert re.match(r"[1-9]\d* stuck in state D \(critical from 1\)", result.summary)
        assert f"{process.pid} python" in result.details
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_process_in_state_d_keeps_the_command_line_it_is_known_by(fake_proc: FakeProc) -> None:
    fake_proc.add(20, state="S", command=b"java\0-jar\0shop.jar\0")
    assert fake_proc.look(match=Regex("shop.jar")).status is Status.OK
    fake_proc.add(20, state="D", command=b"never read\0")
    assert fake_proc.look(match=Regex("shop.jar")).status is Status.OK
    fake_proc.add(21, state="D", command=b"never read\0")
    result = fake_proc.look(match=Regex("unknown.jar"))
    assert result.status is Status.NODATA
    assert "the command line of a process cannot be read" in result.summary


# What has had no turn on a processor since the last scan


def test_a_process_that_slept_since_the_last_scan_is_not_read_anew(fake_proc: FakeProc) -> None:
    fake_proc.add(20, name=b"web", command=b"web one\0", turns=b"5 1 2\n")
    assert fake_proc.look(name="web", match=Regex("one")).status is Status.OK
    fake_proc.add(20, name=b"never", command=b"never read\0", turns=b"5 1 2\n")
    assert fake_proc.look(name="web", match=Regex("one")).status is Status.OK
    fake_proc.add(20, name=b"web", command=b"web two\0", turns=b"6 1 3\n")
    assert fake_proc.look(name="web", match=Regex("one")).status is Status.CRITICAL
    assert fake_proc.look(name="web", match=Regex("two")).status is Status.OK


@pytest.mark.parametrize(
    "values",
    [{"state": state} for state in "RDZTtX"] + [{"threads": 2}, {"turns": b"0 0 0\n"}, {"turns": None}],
    ids=str,
)
def test_who_may_change_without_a_turn_that_is_counted_is_read_anew(
    fake_proc: FakeProc, values: dict[str, Any]
) -> None:
    values = {"turns": b"5 1 2\n"} | values
    for name in (b"one", b"two", b"three"):
        fake_proc.add(20, name=name, **values)
        assert fake_proc.scanner.scan().by_pid[20].name == name


def test_parent_and_memory_are_those_of_now_also_of_a_process_that_slept(fake_proc: FakeProc) -> None:
    fake_proc.add(20, name=b"web", turns=b"5 1 2\n", pages=3, parent=7)
    before = fake_proc.scanner.scan().by_pid[20]
    assert (before.parent, before.rss) == (7, 3 * os.sysconf("SC_PAGE_SIZE"))
    fake_proc.add(20, name=b"web", turns=b"5 1 2\n", pages=1, parent=1)
    row = fake_proc.scanner.scan().by_pid[20]
    assert (row.parent, row.rss) == (1, os.sysconf("SC_PAGE_SIZE"))


def test_of_a_process_that_ended_meanwhile_and_of_one_with_its_pid_nothing_is_taken_over(fake_proc: FakeProc) -> None:
    fake_proc.add(20, turns=b"5 1 2\n", parent=7)
    fake_proc.scanner.scan()
    row = fake_proc.scanner.scan().by_pid[20]
    fake_proc.add(20, turns=b"1 1 1\n", parent=1, started=900)
    assert (row.parent, row.started_at) == (7, 5.0)
    shutil.rmtree(fake_proc.folder / "20")
    assert fake_proc.scanner.scan().by_pid.keys() == {1}


CHANGES = st.fixed_dictionaries(
    {
        "name": st.sampled_from([b"app", b"other"]),
        "state": st.sampled_from("SSSRDZT"),
        "threads": st.integers(1, 2),
        "started": st.integers(1, 3),
        "command": st.sampled_from([b"app one\0", b"app two\0", b"sh\0-c\0app\0", b""]),
    }
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.integers(20, 22), st.none() | CHANGES), min_size=1, max_size=6))
def test_a_scan_that_keeps_who_slept_sees_what_a_first_scan_sees(
    steps: list[dict[int, dict[str, Any] | None]],
) -> None:
    with TemporaryDirectory() as folder:
        host = FakeProc(Path(folder))
        for number, step in enumerate(steps):
            for pid, changed in step.items():
                shutil.rmtree(host.folder / str(pid), ignore_errors=True)
                if changed is not None:
                    host.add(pid, turns=b"%d 1 1\n" % (number + 1), **changed)
            for check in (Process(name="app"), Process(match=Regex("app")), Process(match=Regex("one"))):
                fresh = Scanner(folder, own=1).scan()
                assert pids(check, host.scanner.scan()) == pids(check, fresh), check


CHANGES_ITS_TITLE = """
import pathlib, sys
for line in sys.stdin:
    # Source: proc_pid_stat(5), field 48: where the arguments begin.
    begin = int(pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()[45])
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(begin)
        memory.write(line.encode().replace(b"\\n", b"\\0"))
    print("done", flush=True)
"""


def test_a_title_that_a_process_gives_itself_is_seen_however_long_it_slept() -> None:
    needs.file("/proc/self/schedstat")
    scanner = Scanner(own=0)
    with subprocess.Popen(
        [sys.executable, "-c", CHANGES_ITS_TITLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            for title in ("idle", "busy", "idle"):
                wait_for(lambda: scanner.scan().by_pid[process.pid] is scanner.scan().by_pid[process.pid])
                process.stdin.write(f"app: {title}\n".encode())
                assert process.stdout.readline() == b"done\n"
                assert pids(Process(match=Regex(f"^app: {title} ")), scanner.scan()) == [process.pid]
        finally:
            process.kill()


# One scan


class FakeProc:
    """A folder that looks like /proc, with one scanner on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.scanner = folder, Scanner(str(folder), own=1)
        (folder / "self").mkdir()
        (folder / "self" / "mountinfo").write_text(f"1 1 0:1 / {folder} rw - proc proc rw\n")
        self.add(1, name=b"init", command=b"init\0")

    def add(self, pid: int, command: bytes | None = b"x\0", turns: bytes | None = None, **values: Any) -> Path:
        folder = self.folder / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "stat").write_bytes(stat_text(**values))
        if turns is not None:
            (folder / "schedstat").write_bytes(turns)
        if command is not None:
            (folder / "cmdline").write_bytes(command)
        return folder

    def look(self, timeout: float = 10.0, **settings: Any) -> Result:
        shared = SharedWork()
        due = time.monotonic()
        shared.once("processes", due, self.scanner.scan)
        ctx = Context("web", timeout=timeout, shared=shared, due=due)
        (result,) = gather(Process(**settings).run(ctx))
        return result


@pytest.fixture
def fake_proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


class CountingWork(SharedWork):
    scans = 0

    def once(self, key, due, make):  # type: ignore[no-untyped-def]  # as the class has it
        def counted():  # type: ignore[no-untyped-def]
            self.scans += key == "processes"
            return make()

        return super().once(key, due, counted)


def test_a_hundred_checks_due_together_cost_one_scan() -> None:
    shared, due = CountingWork(), time.monotonic()

    def run(number: int) -> None:
        check = Process(name=f"daemon-{number}") if number % 2 else Process(match=Regex(f"daemon-{number}"))
        list(check.run(Context(f"check-{number}", shared=shared, due=due)))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.scans == 1
    list(Process(name="x").run(Context(shared=shared, due=time.monotonic())))
    assert shared.scans == 2, "what is due later looks anew"


def test_processes_that_end_during_the_scan_are_left_out(start: Start) -> None:
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            subprocess.run(["/bin/true"], check=True)

    start("victim")
    churning = threading.Thread(target=churn)
    churning.start()
    try:
        for _ in range(30):
            assert look(match=Regex("/victim 600"), user=str(os.getuid())).status is Status.OK
    finally:
        stop.set()
        churning.join()


def test_a_command_line_that_hangs_costs_one_run_and_is_left_alone(fake_proc: FakeProc) -> None:
    hanging = fake_proc.add(20, command=None) / "cmdline"
    os.mkfifo(hanging)
    fake_proc.add(21, command=b"nginx\0")
    with pytest.raises(CheckError, match="reading the command line of process 20 hangs"):
        fake_proc.look(timeout=0.3, match=Regex("nginx"))
    assert fake_proc.look(match=Regex("nginx")).status is Status.OK
    assert fake_proc.look(match=Regex("sshd")).status is Status.NODATA, "it may be the one that hangs"
    os.close(os.open(hanging, os.O_WRONLY))


def test_lines_that_are_no_stat_are_left_out_and_an_empty_table_is_nodata(fake_proc: FakeProc) -> None:
    for pid, text in enumerate((b"", b"20", b"20 (x", b"20 (x)", b"20 (x) "), 20):
        (fake_proc.add(pid) / "stat").write_bytes(text)
    assert metric(fake_proc.look(max=9), "count") == 1
    shutil.rmtree(fake_proc.folder / "1")
    with pytest.raises(CheckError, match="shows no process: is it mounted"):
        fake_proc.scanner.scan()


def test_memory_of_command_lines_goes_with_their_processes(fake_proc: FakeProc) -> None:
    fake_proc.add(20, started=100, command=b"old\0")
    assert fake_proc.look(match=Regex("old")).status is Status.OK
    fake_proc.add(20, started=200, command=b"new\0")
    assert fake_proc.look(match=Regex("old")).status is Status.CRITICAL, "the pid was given away"
    shutil.rmtree(fake_proc.folder / "20")
    assert 20 not in fake_proc.scanner.scan().commands._entries


# Where the agent may not see all

HIDDEN_SCRIPT = """
import os, subprocess, sys
sys.path.insert(0, {root!r})
from tests.kernel import mount
from tests.checks.process.test_process import NumberAbove, Path, look, wait_for, wait_for_exec

def seen(hidepid, privileged):
    mount("proc", Path("/proc"), "proc", options=f"hidepid={{hidepid}}")
    if privileged:
        return [look(name="sleep").status]
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
    mine = subprocess.Popen(["sleep", "600"], cwd="/")
    wait_for(lambda: look(user="65534", name="sleep").status == "ok")
    zombies = {{"zombies_warning": NumberAbove.parse(1)}}
    asked = ({{"name": "nginx"}}, {{"name": "sleep", "max": 5}}, {{"name": "sleep"}}, zombies)
    found = [*(look(**settings).status for settings in asked), look(user="65534", name="nginx").status]
    summary = look(name="nginx").summary
    mine.kill()
    mine.wait()
    return [*found, summary]

mount("proc", Path("/proc"), "proc")
other = subprocess.Popen(["sleep", "600"])
wait_for_exec(other)
for case in {cases}:
    child = os.fork()
    if not child:
        print(*seen(*case), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
HIDDEN = {
    (0, False): "critical ok ok ok critical",
    (1, False): "nodata nodata ok nodata critical",
    (2, False): "nodata nodata ok nodata critical",
    (2, True): "ok",
}
"""hidepid and whether root looks: what is seen. In one Python, for it imports all this test does."""


def test_behind_hidepid_what_is_not_seen_is_not_zero() -> None:
    needs.root()
    script = HIDDEN_SCRIPT.format(root=str(Path(__file__).parents[3]), cases=list(HIDDEN))
    # A pid namespace of its own: before Linux 5.8 all /proc of one namespace share their options.
    answer = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = answer.stdout.splitlines()
    assert len(lines) == len(HIDDEN), answer.stdout + answer.stderr
    for line, (case, says) in zip(lines, HIDDEN.items(), strict=True):
        assert line.startswith(says), (case, line)
        assert ("hidepid" in line) == ("nodata" in says), (case, line)


# Configuration


@pytest.mark.parametrize(
    ("settings", "setting", "says"),
    [
        ({}, "name", "write name, exe, match, user or pidfile"),
        ({"name": "x", "max": 0}, "max", "write min: 0 too"),
        ({"name": "x", "min": 3, "max": 2}, "max", "is 2, less than min 3"),
        ({"name": "/usr/sbin/sshd"}, "name", "write exe: /usr/sbin/sshd"),
        ({"name": "php-fpm*"}, "name", "names are exact: write match"),
        ({"exe": "/usr/sbin/php*"}, "exe", "paths are exact: write match"),
        ({"exe": "sshd"}, "exe", "begin it with /"),
        ({"pidfile": "run/x.pid"}, "pidfile", "begin it with /"),
        ({"pidfile": "/run/x.pid", "min": 2}, "min", "a pidfile names one process"),
        ({"match": Regex("x"), "zombies_critical": NumberAbove.parse(1)}, "zombies_warning", "only name and user"),
    ],
)
def test_settings_that_cannot_work_are_named(settings: dict[str, Any], setting: str, says: str) -> None:
    ((named, text),) = Process(**settings).problems()
    assert named == setting
    assert says in text


@pytest.mark.parametrize(
    "settings", [{"name": "x"}, {"max": 500}, {"zombies_warning": NumberAbove.parse(5)}, {"user": "www", "min": 2}]
)
def test_settings_that_can_work_are_no_problem(settings: dict[str, Any]) -> None:
    assert list(Process(**settings).problems()) == []


def test_the_shipped_file_and_its_other_ways_are_true_configuration(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[3] / "conf.d" / "process.yaml").read_text()
    (tmp_path / "process.yaml").write_text(re.sub(r"(?m)^#   ", "  ", shipped))
    config = load(tmp_path, Catalog())
    assert [str(problem) for problem in config.problems] == []
    assert {"processes", "sshd", "nginx", "shop", "database", "backup", "no-telnet", "workers"} == set(config.checks)
    check = config.checks["processes"].check
    assert isinstance(check, Process)
    (result,) = gather(check.run(Context("processes")))
    assert result.status is Status.OK, "true on any host"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("name: x, cpu_warning: 50", "write for example 80%"),
        ("name: x, rss_warning: 5GiB, rss_critical: 1GiB", "rss_warning"),
        ("name: x, min: -1", "min"),
        ("name: x, max: -1", "max"),
        ("name: x, restart: maybe", "restart"),
        ("name: x, match: '('", "not a regular expression"),
        ("min: 0", "says nothing of which processes"),
    ],
)
def test_mistakes_are_found_where_they_are_written(tmp_path: Path, written: str, says: str) -> None:
    (tmp_path / "a.yaml").write_text(f"checks:\n  x: {{type: process, {written}}}\n")
    (problem,) = load(tmp_path, Catalog()).problems
    assert says in str(problem)
    assert ":2:" in str(problem)
