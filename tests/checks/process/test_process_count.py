"""How many processes there must be, and what is said of the one that is missing, stopped or a zombie."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agent.api import Context, NumberAbove, Regex, Status
from checks.process import Process, count_status
from checks.process.commands import Commands
from checks.process.counting import judge_count
from checks.process.matching import find
from checks.process.row import Row
from checks.process.table import Table
from tests.checks.process.processes import FakeProc, Start, look, metric, row, stat_text, state_of, wait_for


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
