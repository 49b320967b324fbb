"""What processes use: memory, CPU, age, open files; and when they restarted or are stuck."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from agent.api import Duration, DurationAbove, NumberAbove, Regex, SizeAbove, Status
from checks.process import CorePercent, CoresAbove
from checks.process.changes import cpu_percent, of_this_boot, restart, stuck
from tests.checks.process.processes import FakeProc, Start, look, metric, row, state_of, wait_for

# Which processes


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
