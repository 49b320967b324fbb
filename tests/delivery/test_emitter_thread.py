"""The thread of one destination: when it sleeps, what wakes it, what it says of errors, how it ends."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from agent.delivery.emitter import STOP_SECONDS, STORE_WAIT, Emitter
from agent.store import StoreError

Step = float | Exception


class Waking:
    """An event that never waits: it notes for how long it was to be, and says what happens meanwhile."""

    def __init__(self) -> None:
        self.waits: list[float | None] = []
        self.set_ = False
        self.meanwhile: Callable[[], None] = lambda: None

    def set(self) -> None:
        self.set_ = True

    def clear(self) -> None:
        self.set_ = False

    def wait(self, seconds: float | None = None) -> None:
        if not self.set_:
            self.waits.append(seconds)
            self.meanwhile()


class Script:
    """A courier: each drain is the next step; after the last one the emitter is to end."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.drained = 0
        self.closed = 0
        self.emitter = Emitter("ops", self)
        self.waking = Waking()
        self.emitter._wakeup = self.waking  # type: ignore[assignment]

    def drain(self) -> float:
        self.drained += 1
        step = self.steps.pop(0)
        if not self.steps:
            self.emitter.leave()
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        self.closed += 1

    def run(self) -> list[float | None]:
        self.emitter._work()
        return self.waking.waits


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    yield now


def test_it_sleeps_as_long_as_its_courier_says_or_until_it_is_woken() -> None:
    script = Script(0.0, 2.5, math.inf, 0.5, 0.0, -1.0, 7.0)
    assert script.run() == [2.5, None, 0.5]
    assert (script.drained, script.closed) == (7, 1)


def test_a_wake_that_comes_while_it_works_is_not_lost() -> None:
    script = Script(math.inf, 0.0)
    drain = script.drain

    def woken() -> float:
        script.emitter.wake()
        return drain()

    script.drain = woken  # type: ignore[method-assign]
    assert script.run() == []
    assert script.drained == 2


def test_after_a_failure_it_rests_however_often_it_is_woken(clock: list[float]) -> None:
    script = Script(StoreError("full"), 3.0, 0.0)

    def meanwhile() -> None:
        clock[0] += 4.75
        script.emitter.wake()

    script.waking.meanwhile = meanwhile
    assert script.run()[:4] == [10.0, 5.25, 0.5, 3.0]


def test_a_rest_ends_with_the_end(clock: list[float]) -> None:
    script = Script(StoreError("full"), 0.0)
    script.waking.meanwhile = script.emitter.leave
    assert script.run() == [STORE_WAIT]
    assert (script.drained, script.closed) == (1, 1)


def test_a_store_that_cannot_be_used_is_said_once_until_it_works_again(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    fails = StoreError("full")
    script = Script(fails, fails, 0.0, fails, 0.0)

    def passes() -> None:
        clock[0] += STORE_WAIT

    script.waking.meanwhile = passes
    assert script.run() == [STORE_WAIT] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "the outbox cannot be read or written: full",
        "the outbox cannot be read or written: full",
    ]
    assert all(record.levelno == logging.ERROR for record in caplog.records)


def test_a_store_that_is_closed_at_the_end_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    script = Script(StoreError("closed"))
    script.run()
    assert caplog.records == []


def test_a_bug_is_said_each_time_and_ends_nothing(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    script = Script(KeyError("bug"), KeyError("bug"), 0.0)

    def passes() -> None:
        clock[0] += STORE_WAIT

    script.waking.meanwhile = passes
    assert script.run() == [STORE_WAIT, STORE_WAIT]
    assert [record.getMessage() for record in caplog.records] == ["a bug in the emitter; it goes on in 10s"] * 2
    assert all(record.exc_info for record in caplog.records)


@pytest.mark.parametrize(("farewell", "drains"), [(False, 0), (True, 1)])
def test_one_more_is_sent_at_the_end_where_that_is_wanted(farewell: bool, drains: int) -> None:
    script = Script(0.0, 0.0)
    script.emitter.leave(farewell)
    script.run()
    assert (script.drained, script.closed) == (drains, 1)


def test_who_is_asked_to_leave_says_no_farewell_unless_that_is_said() -> None:
    script = Script(0.0, 0.0)
    script.emitter.leave()
    assert script.waking.set_, "it is woken for it"
    script.run()
    assert script.drained == 0


def test_the_end_is_waited_for_while_a_request_hangs_no_longer_than_a_moment() -> None:
    begun, free = threading.Event(), threading.Event()

    class Hangs(Script):
        def drain(self) -> float:
            begun.set()
            free.wait(60)
            return 0.0

    hangs = Hangs()
    hangs.emitter.join()  # not begun: nothing to wait for
    hangs.emitter.start()
    thread = hangs.emitter._thread
    assert (thread.name, thread.daemon) == ("emitter ops", True)
    assert begun.wait(60)
    hangs.emitter.leave()
    waits: list[float] = []
    hangs.emitter._thread = SimpleNamespace(is_alive=lambda: True, join=waits.append)  # type: ignore[assignment]
    hangs.emitter.join()
    assert waits == [STOP_SECONDS]
    hangs.emitter._thread = thread
    before = time.monotonic()
    hangs.emitter.join(0.01)
    assert time.monotonic() - before < STOP_SECONDS
    assert thread.is_alive()
    free.set()
    hangs.emitter.join(60)
    assert not thread.is_alive()
    assert hangs.closed == 1
