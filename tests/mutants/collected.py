"""python -m tests.mutants.collected CHILDREN LONGEST PATIENCE, in the folder of the faults, their names on stdin.

pytest collects the tests once. Instead of running them it forks for each fault, and says each result on stdout.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import pytest

from tests.mutants.fork import Limited, begin, end
from tests.mutants.order import Statistics, read_statistics
from tests.mutants.report import Outcome

TIMES_AS_LONG = 15
"""A test may take so many times its seconds, and the patience besides, before it is taken to wait for ever."""
UNHURRIED = 10
"""Without a fault nothing waits for ever, but a machine may be busy."""


class Collected:
    """The plugin: its loop takes the place of pytest's."""

    def __init__(
        self, faults: Sequence[str], children: int, longest: float, patience: float, folder: Path, results: IO[str]
    ) -> None:
        self._faults = faults
        self._children = children
        self._longest = longest
        self._patience = patience
        self._folder = folder
        self._results = results
        self._statistics: Statistics = read_statistics(Path())
        self._items: dict[str, pytest.Item] = {}
        self._running: dict[int, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed:
            return None  # pytest says what could not be collected
        self._items = {item.nodeid: item for item in session.items}
        tests = {fault: self._tests_of(fault) for fault in self._faults}
        try:
            self._try_without({test for names in tests.values() for test in names})
            for fault in sorted(tests, key=lambda fault: self._statistics.worst(fault, self._longest)):
                self._try(fault, tests[fault])
            while self._running:
                self._end_one()
        finally:
            for pid in self._running:
                end(pid, self._folder)
        return True

    def _tests_of(self, fault: str) -> list[str]:
        return [test for test in self._statistics.tests_of(fault, self._longest) if test in self._items]

    def _try_without(self, tests: Iterable[str]) -> None:
        """What fails in a fork without any fault would find each."""
        pid = begin("", self._limited(self._statistics.sorted(tests), UNHURRIED), self._folder)
        self._running[pid] = ""
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        del self._running[pid]
        came_out, said = end(pid, self._folder)
        if came_out is not Outcome.SURVIVED:
            pytest.exit(f"A test fails in a fork without any fault ({came_out.value}):\n{said}", returncode=1)

    def _try(self, fault: str, tests: Sequence[str]) -> None:
        if not tests:
            self._say(fault, Outcome.UNTESTED)
            return
        if len(self._running) >= self._children:
            self._end_one()
        self._running[begin(fault, self._limited(tests, 1), self._folder)] = fault

    def _end_one(self) -> None:
        """Wait for whichever ends first; it stays a zombie until its group is killed: the number is still its own."""
        died = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        assert died is not None
        fault = self._running.pop(died.si_pid)
        self._say(fault, end(died.si_pid, self._folder)[0])

    def _limited(self, tests: Iterable[str], times: float) -> list[Limited]:
        seconds = self._statistics.seconds
        return [Limited(self._items[test], times * (self._patience + TIMES_AS_LONG * seconds[test])) for test in tests]

    def _say(self, fault: str, came_out: Outcome) -> None:
        self._results.write(json.dumps([fault, came_out.value]) + "\n")
        self._results.flush()


def main(children: int, longest: float, patience: float) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faults = sys.stdin.read().split()
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]
    asked = [*settings["pytest_add_cli_args_test_selection"], *settings["pytest_add_cli_args"]]
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        plugin = Collected(faults, children, longest, patience, Path(folder), results)
        # Captured in memory: a file would be one for all forks.
        return int(pytest.main(["--rootdir=.", "--capture=sys", *asked], plugins=[plugin]))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
