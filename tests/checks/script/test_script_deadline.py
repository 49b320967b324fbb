"""A script that does not end is ended with all that it started, at its deadline or when the agent stops."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.api import CheckError, Context, Status
from tests.checks.looks import found, script_of
from tests.checks.script.programs import WAIT, error_of, py, sh

GRACE = 0.5  # what a busy machine may add; the runner waits a second


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


def gone(pid: int) -> bool:
    """A process that is no more, or only a zombie that init has yet to fetch."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (ProcessLookupError, FileNotFoundError):
        return True


pytestmark = pytest.mark.usefixtures("nothing_stays_behind")


# When it does not end


def test_a_run_that_takes_too_long_is_terminated_and_keeps_what_it_printed() -> None:
    began = time.monotonic()
    result = sh("echo halfway; echo trouble >&2; sleep 60", timeout=0.5)
    assert (result.status, result.summary) == (Status.NODATA, "did not finish within 500ms (killed)")
    assert result.details == "halfway\nstderr: trouble"
    assert 0.4 < time.monotonic() - began < 0.5 + GRACE


def test_a_child_that_ignores_term_is_killed_by_the_deadline() -> None:
    context = Context(timeout=0.5)
    script = script_of("/bin/sh", "-c", "trap '' TERM; echo $$; while :; do sleep 60; done")
    (result,) = found(script.run(context))
    assert result.summary == "did not finish within 500ms (killed)"
    assert time.monotonic() < context.deadline + GRACE


def test_a_child_that_exits_0_after_term_was_too_late_all_the_same() -> None:
    # It has 0.07 of the timeout from TERM to KILL, on a busy machine too.
    result = sh("trap 'echo cleaned up; exit 0' TERM; sleep 60 & wait", timeout=2)
    assert (result.status, result.summary) == (Status.NODATA, "did not finish within 2s")
    assert result.details == "cleaned up"


def test_a_child_that_stops_itself_is_ended() -> None:
    assert sh("kill -STOP $$; echo never", timeout=0.5).summary == "did not finish within 500ms (killed)"


def test_a_grandchild_that_keeps_stdout_holds_nobody_and_is_killed() -> None:
    began = time.monotonic()
    result = sh("sleep 60 & echo $!")
    assert time.monotonic() - began < 5
    assert (result.status, result.details) == (Status.OK, "(it left processes running in its group: killed)")
    until(lambda: gone(int(result.summary)), "the grandchild's end")


def test_grandchildren_that_ignore_term_are_killed_with_their_group() -> None:
    result = sh("trap '' TERM; (sleep 60; :) & echo $!; sleep 60", timeout=0.5)
    assert result.summary == "did not finish within 500ms (killed)"
    until(lambda: gone(int(result.details)), "the grandchild's end")


def test_a_daemon_with_a_session_of_its_own_is_out_of_reach_but_holds_nobody() -> None:
    began = time.monotonic()
    result = py(
        "import os, time\n"
        "ready, done = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    os.write(1, b'%d' % os.getpid())\n"
        "    os.write(done, b'x')\n"
        "    time.sleep(60)\n"
        "os.read(ready, 1)"
    )
    try:
        assert time.monotonic() - began < 5
        assert result.details == ""
        assert not gone(int(result.summary))
    finally:
        os.kill(int(result.summary), signal.SIGKILL)
    until(lambda: gone(int(result.summary)), "the daemon's end")


def test_an_escaped_daemon_that_prints_for_ever_is_not_listened_to() -> None:
    began = time.monotonic()
    result = py(
        "import os, signal\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
        "    while True: os.write(1, b'x' * 1000)"
    )
    assert time.monotonic() - began < 5
    assert result.status is Status.OK


def test_an_interrupt_from_another_thread_kills_the_group_at_once() -> None:
    context = Context(timeout=60)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            list(found(script_of("/bin/sh", "-c", "trap '' TERM; sleep 60").run(context)))
        except CheckError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: context._interrupts, "the child to run")
    context.interrupt()
    thread.join(WAIT)
    assert not thread.is_alive()
    assert str(errors[0]) == "killed: the agent gave it up"
    assert context._interrupts == []


def test_a_run_given_up_before_its_child_started_kills_it_too() -> None:
    context = Context(timeout=60)
    context.interrupt()
    with pytest.raises(CheckError, match="the agent gave it up"):
        list(found(script_of("/bin/sleep", "60").run(context)))


def test_an_exception_while_reading_reaps_all_the_same() -> None:
    class Broken(Context):
        def interruptible(self, interrupt: Callable[[], None]) -> None:  # type: ignore[override]
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        list(found(script_of("/bin/sh", "-c", "sleep 60 & sleep 60").run(Broken())))


def test_a_hundred_at_once_leak_nothing_and_mix_nothing_up() -> None:
    with ThreadPoolExecutor(100) as pool:
        results = list(pool.map(lambda number: sh(f"echo {number}; exit {number % 4}"), range(100)))
    assert [result.summary for result in results] == [str(number) for number in range(100)]


def test_an_agent_that_ignores_sigchld_says_what_it_lost() -> None:
    old = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert error_of("/bin/true").startswith(
            "its exit status is lost: SIGCHLD is ignored in the agent, or a check of"
        )
    finally:
        signal.signal(signal.SIGCHLD, old)


# Where the kernel has no pidfd


def test_without_pidfd_all_goes_the_same_way(without_pidfd: None) -> None:
    assert sh("echo fine | cat; exit 1").summary == "fine"
    assert sh("echo halfway; sleep 60", timeout=0.5).details == "halfway"
    assert sh("sleep 60 & exit 0").details == "(it left processes running in its group: killed)"
    assert sh("echo said; exec >&- 2>&-; sleep 0.1; exit 2").status is Status.CRITICAL


@pytest.fixture
def without_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    # The system's own seam: macOS has no such function.
    monkeypatch.delattr(os, "pidfd_open", raising=False)


# What the settings may say


def test_a_program_that_no_loop_has_taken_over_yet_is_killed_when_the_agent_stops(tmp_path: Path) -> None:
    script = script_of("/bin/sh", "-c", f"trap '' TERM; echo $$ > {tmp_path}/pid; exec sleep 60")
    ctx = Context(timeout=30)
    waits = script.run(ctx)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    pid = int((tmp_path / "pid").read_text())
    ctx.interrupt()  # nothing has awaited it so far
    until = time.monotonic() + 60
    while not gone(pid):
        assert time.monotonic() < until, "it was left behind"
        time.sleep(0.01)
    with pytest.raises(CheckError, match=r"given up|killed"):
        list(found(waits))
