"""One fault in a fork of the process that has collected the tests: its tests, one after the other, until one fails."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mutants.report import Outcome


class Limited(NamedTuple):
    """A test, and the seconds after which it is taken to wait for ever."""

    item: pytest.Item
    seconds: float


def begin(fault: str, tests: Sequence[Limited], folder: Path) -> int:
    """Return the number of a process that tries a fault; what it writes stands in the folder of that number."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        _move_into(folder / str(os.getpid()))
        _switch_on(fault)
        _run(tests)
        code = 0
    finally:
        os._exit(code)


def end(pid: int, folder: Path) -> tuple[Outcome, str]:
    """End the process and all that it has started, and remove its folder; return what came out, and what was said."""
    with suppress(ProcessLookupError):  # before it has its group
        os.killpg(pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    said = folder / str(pid) / "said"
    words = said.read_text(errors="replace") if said.exists() else ""
    shutil.rmtree(said.parent, ignore_errors=True)
    return outcome(code), words


def outcome(code: int) -> Outcome:
    """Return what an exit code means; a fault that crashes Python is found, too."""
    if code == -signal.SIGALRM:
        return Outcome.TIME
    return Outcome.FOUND if code else Outcome.SURVIVED


def _move_into(folder: Path) -> None:
    os.setsid()
    folder.mkdir()
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    said = os.open(folder / "said", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)


def _switch_on(fault: str) -> None:
    """Let the function be its faulty copy."""
    os.environ["MUTANT_UNDER_TEST"] = fault
    # A test may empty the environment.
    if mutmut := sys.modules.get("mutmut.mutation.trampoline"):
        mutmut.set_mutant_under_test(fault)


def _run(tests: Sequence[Limited]) -> None:
    tests[0].item.config.pluginmanager.register(_FirstFailure())
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    following = [test.item for test in tests[1:]]
    for (item, seconds), after in zip(tests, [*following, None], strict=True):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)


class _FirstFailure:
    """Ends the fork: nothing is tidied up, `end` does that from outside."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os.write(1, f"\n{report.nodeid}\n{report.longreprtext}\n".encode())
            os._exit(1)
