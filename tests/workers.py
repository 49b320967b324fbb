"""Runs the tests in several processes at once: `pytest --workers 8`. Each is a fork of the one that has collected.

To collect all tests takes as long as hundreds of them: here it is done once, and not by each worker.
A worker asks for its next tests when it is done with the last, so nothing short waits behind something long.
Every second worker begins with tests that mostly wait, the others with those that need the processor: it is busy from
the start, and nothing long is left for the end.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

import pytest

Scope = deque[pytest.Item]
"""Tests that one worker runs, one after the other."""


@dataclass
class Worker:
    """What the first process knows of one of the others."""

    number: int
    pid: int
    way: Connection
    scope: Scope = field(default_factory=deque)
    """What it was given and has not reported yet."""
    file: Path | None = None
    """Where it is."""


class Workers:
    """The first process: gives out the tests and takes their reports, in one thread."""

    def __init__(
        self, session: pytest.Session, scopes: Iterable[Scope], waits: Callable[[Path], bool] = lambda file: False
    ) -> None:
        self._session = session
        self._waits = waits
        """Whether the tests of a file mostly wait."""
        self._pending: dict[Path, deque[Scope]] = {}
        """What nobody was given yet, by the file of its first test."""
        for scope in scopes:
            self._pending.setdefault(scope[0].path, deque()).append(scope)
        self._alive: dict[Connection, Worker] = {}
        self._at = {item: number for number, item in enumerate(session.items)}
        self._base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]

    def run(self, count: int) -> None:
        try:
            for number in range(min(count, sum(map(len, self._pending.values())))):
                self._begin(number)
            while self._alive:
                for way in wait(list(self._alive)):
                    self._hear(self._alive[way])  # type: ignore[index]
        finally:
            for way in self._alive:
                way.close()  # who still works ends its test, tidies up and ends
            for worker in self._alive.values():
                os.waitpid(worker.pid, 0)

    def _begin(self, number: int) -> None:
        ours, theirs = Pipe()
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            for way in (ours, *self._alive):
                way.close()
            _work(self._session, theirs, self._base / f"worker-{number}-{os.getpid()}")
        theirs.close()
        self._alive[ours] = Worker(number, pid, ours)

    def _hear(self, worker: Worker) -> None:
        """Take one word of a worker: the reports of a test, or None when it has nothing to do; or its end."""
        try:
            said = worker.way.recv()
        except (EOFError, ConnectionError):
            self._bury(worker)
            return
        if said is None:
            more = self._choose(worker)
            worker.scope.extend(more)
            worker.way.send([self._at[item] for item in more])
            return
        self._report(worker.scope.popleft(), said)

    def _choose(self, worker: Worker) -> Scope:
        """What is set up for a file serves its tests: stay in it, or begin with one that nobody is in, or help."""
        busy = {other.file for other in self._alive.values()}
        stay = [worker.file] if worker.file in self._pending else []
        free = [file for file in self._pending if file not in busy]
        fitting = (file for file in free if self._waits(file) == (worker.number % 2 == 0))
        worker.file = next(chain(stay, fitting, free, self._pending), None)
        if worker.file is None:
            return Scope()
        scopes = self._pending[worker.file]
        chosen = scopes.popleft()
        if not scopes:
            del self._pending[worker.file]
        return chosen

    def _report(self, item: pytest.Item, reports: Sequence[dict[str, Any]]) -> None:
        hook = self._session.config.hook
        for said in reports:
            report = hook.pytest_report_from_serializable(config=self._session.config, data=said)
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._session.shouldstop:
            raise self._session.Interrupted(self._session.shouldstop)

    def _bury(self, worker: Worker) -> None:
        """A worker that ended before it was done: its test has failed, and another one goes on behind it."""
        del self._alive[worker.way]
        worker.way.close()
        status = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        if worker.scope:
            item = worker.scope.popleft()
            if worker.scope:
                self._pending.setdefault(worker.scope[0].path, deque()).appendleft(worker.scope)
            self._begin(worker.number)
            self._report(item, [self._failure(item, f"the worker ended with {status} in this test")])
        elif status:
            raise self._session.Failed(f"a worker ended with {status} when its tests were done")

    def _failure(self, item: pytest.Item, words: str) -> dict[str, Any]:
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", words, "call")
        said: dict[str, Any] = item.config.hook.pytest_report_to_serializable(config=item.config, report=report)
        return said


def scopes_of(items: Iterable[pytest.Item], scope_of: Callable[[pytest.Item], str]) -> list[Scope]:
    """Return the tests by their scopes, each where its first test is."""
    scopes: dict[str, Scope] = {}
    for item in items:
        scopes.setdefault(scope_of(item), deque()).append(item)
    return list(scopes.values())


# --- a worker ---------------------------------------------------------------------------------------------------------


def _work(session: pytest.Session, way: Connection, folder: Path) -> NoReturn:
    """Run what is given until there is no more, and end: what the first process does at its end is not done twice."""
    status = 1
    try:
        with suppress(KeyboardInterrupt, ConnectionError, EOFError):  # the first process ends
            _become_a_worker(session.config, folder)
            _Running(session, way).run()
            status = 0
        session._setupstate.teardown_exact(None)
    except Exception:  # noqa: BLE001 - whatever it is, it is printed and the status says so
        traceback.print_exc()
    finally:
        _save_coverage()
        sys.stderr.flush()
        os._exit(status)


def _save_coverage() -> None:
    """Write the branches that this process has taken to a file of its own, where they are measured."""
    if coverage := sys.modules.get("coverage"):
        measured = coverage.Coverage.current()
        if measured:
            measured.stop()
            measured.save()


def _become_a_worker(config: pytest.Config, folder: Path) -> None:
    """Have what the first process has for itself: the files that take what is printed, and the folder of tmp_path."""
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture()
    config.pluginmanager.unregister(name="terminalreporter")
    folder.mkdir(mode=0o700)
    config._tmp_path_factory._basetemp = folder  # type: ignore[attr-defined]


class _Next:
    """The test after this one, in pytest's eyes: asked for when this one is torn down, and no sooner."""

    def __init__(self, take: Callable[[], pytest.Item | None]) -> None:
        self._take = take

    @cached_property
    def item(self) -> pytest.Item | None:
        return self._take()

    def listchain(self) -> list[Any]:
        """Return what stays set up for it: of none nothing."""
        return self.item.listchain() if self.item else []


class _Running:
    """Runs tests and sends the reports of each."""

    def __init__(self, session: pytest.Session, way: Connection) -> None:
        self._session = session
        self._way = way
        self._given: Scope = deque()
        self._reports: list[dict[str, Any]] = []
        session.config.pluginmanager.register(self)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        config = self._session.config
        self._reports.append(config.hook.pytest_report_to_serializable(config=config, report=report))

    def run(self) -> None:
        item = self._take()
        while item:
            following: Any = _Next(self._take)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            self._way.send(self._reports)
            self._reports = []
            item = following.item

    def _take(self) -> pytest.Item | None:
        if not self._given:
            self._way.send(None)
            self._given.extend(self._session.items[number] for number in self._way.recv())
        return self._given.popleft() if self._given else None
