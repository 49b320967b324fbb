"""One scan serves all checks: what it reads anew, takes over from the scan before and leaves out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import CheckError, Context, Regex, Status
from agent.plugin.context import SharedWork
from checks.process import Process
from checks.process.table import Scanner
from tests.checks.process.processes import FakeProc, Start, look, metric, pids, wait_for
from tests.host import needs

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
