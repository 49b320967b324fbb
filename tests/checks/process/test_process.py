"""Which processes a process check finds, by name, exe, user, pidfile and match, of those that are really there."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, NumberAbove, Regex, Status
from agent.plugin.context import SharedWork
from agent.plugin.results import gather
from checks.process import Process
from checks.process.row import Row
from checks.process.table import Scanner, Table
from tests.checks.process.processes import FakeProc, Start, look, metric, stat_text, wait_for
from tests.host import needs


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


def test_a_process_in_a_container_can_be_left_out(start: Start) -> None:
    needs.root()  # of another's agent nobody else may see the command line, so that "none" is never sure
    sleep = needs.command("sleep")
    seconds = str(1_000_000 + os.getpid())  # no other run of this test on the machine has the same
    inside = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", sleep, seconds])
    try:
        wait_for(lambda: look(match=Regex(rf"^\S*sleep {seconds}$")).status is Status.OK)
        # Not at once: another process of this machine may be in state D, and its command line is not known.
        wait_for(lambda: look(match=Regex(rf"^\S*sleep {seconds}$"), containers=False).status is Status.CRITICAL)
        start("victim", "1")
        wait_for(lambda: look(match=Regex("/victim 600 1$"), containers=False).status is Status.OK)
    finally:
        inside.kill()
        inside.wait()


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


def test_a_directory_of_users_that_hangs_is_told_as_that() -> None:
    class Silent(Context):
        def call(self, key: str, function: Any) -> Any:
            raise CheckError("not answering for 9s")

    with pytest.raises(CheckError, match=r"who backup is, .*: its directory of users is not answering for 9s"):
        list(Process(user="backup").run(Silent()))


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
