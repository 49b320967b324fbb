"""The recorder's thread: a bug of ours does not end it, its end is waited for; and what is awaited is kept."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import msgspec
import pytest

from agent.api import Duration, PushedCheck
from agent.engine.recorder import recorder as room
from agent.engine.recorder.pending import RETRY_SECONDS
from agent.engine.recorder.recorder import Recorder
from agent.model import Outcome, Result, RunStarted, Status
from agent.store import LastRun
from tests.engine.step_by_step import CHECKS, Agent, World

# --- what is awaited of those who push ------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "began"), [(None, 0), (60_000, 60_000), (-5_000, 0)])
def test_a_run_that_has_begun_is_awaited_from_when_its_sender_says_and_kept_over_a_restart(
    agent: Agent, world: World, ago: int | None, began: int
) -> None:
    settings = PushedCheck(ttl=Duration(10.0**9), max_run=Duration(600.0))
    world.checks = {"backup": msgspec.structs.replace(CHECKS["backup"], check=settings)}
    agent.takes(world.orders())
    world.passes(100_000)
    agent.takes(RunStarted("backup", "/a", 7, 0 if ago is None else world.wall - ago))
    agent.recorder._pending.write(everything=True)
    assert agent.store.memories()["backup"]["runs"] == [["/a", 7, world.wall - began]]


# --- the thread -----------------------------------------------------------------------------------------------------


def test_a_bug_ends_no_thread_it_goes_on_after_a_pause(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    answers: Iterator[Exception | bool] = iter([ZeroDivisionError("odd"), True, False])

    def step() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(agent.recorder, "step", step)
    monkeypatch.setattr(time, "sleep", pauses.append)
    agent.recorder._work()
    assert list(answers) == []
    assert pauses == [RETRY_SECONDS]
    assert [record.getMessage() for record in caplog.records] == ["a bug of ours; the recorder goes on in 5s"]
    assert caplog.records[0].exc_info


def test_the_thread_works_until_it_is_stopped_and_writes_what_has_come(agent: Agent, world: World) -> None:
    agent.recorder.start()
    thread = agent.recorder._thread
    assert (thread.name, thread.daemon) == ("recorder", True)
    written = threading.Event()
    agent.recorder.put(written.set)
    assert written.wait(60)
    down = Outcome("jumpy", 1, world.wall, 0.0, (Result(Status.CRITICAL, "it is down", "/a"),), type="none")
    agent.recorder.put(down)
    agent.recorder.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert [(event.subject, event.status) for event in agent.events()] == [("/a", "critical")]


def test_it_waits_for_commands_as_long_as_nothing_is_due_and_does_not_rest_where_none_came(
    agent: Agent, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []

    class Nothing(queue.SimpleQueue[object]):
        def get(self, block: bool = True, timeout: float | None = None) -> object:
            waits.append(timeout)
            raise queue.Empty

        def get_nowait(self) -> object:
            waits.append(0.0)
            raise queue.Empty

    recorder = agent.recorder
    rests: list[float] = []
    monkeypatch.setattr(recorder._stopping, "wait", rests.append)
    recorder._queue = Nothing()  # type: ignore[assignment]
    recorder._pending._buffer.note(LastRun("jumpy", "", Result(Status.OK, "fine"), world.wall, 0.0, 0))
    recorder._pending._note_at = world.monotonic + 0.75
    assert recorder.step()
    assert waits[0] == 0.75
    assert agent.store.last_runs() == [], "it is not due yet"
    world.monotonic += 0.75
    assert recorder.step()
    assert 0.0 in waits[1:3], "what is due is not waited for"
    assert rests == []
    assert [run.check for run in agent.store.last_runs()] == ["jumpy"]


def test_the_end_is_waited_for_a_second_and_no_longer(agent: Agent) -> None:
    waits: list[float] = []

    class Hangs:
        join = staticmethod(waits.append)

    agent.recorder._thread = Hangs()  # type: ignore[assignment]
    agent.recorder.stop()
    assert waits == [room.STOP_SECONDS]


def test_without_clocks_of_a_test_it_uses_those_of_the_host(agent: Agent, world: World) -> None:
    before = time.time_ns() // 1_000_000
    made = Recorder(agent.store, world.orders(), lambda: None, lambda check, seconds: None, lambda check: 0)
    assert before <= made._decider._clocks.wall() <= time.time_ns() // 1_000_000
    assert made._decider._clocks.monotonic is time.monotonic


def test_at_the_end_what_is_nice_to_know_is_written_too(agent: Agent, world: World) -> None:
    for second in range(2):
        fine = Outcome("jumpy", second, world.wall + second, 0.0, (Result(Status.OK, str(second)),), type="none")
        agent.recorder.put(fine)
        if second:
            agent.recorder.put(None)  # type: ignore[arg-type]
        agent.recorder.step()
    assert [run.result.summary for run in agent.store.last_runs()] == ["1"]


def test_who_comes_new_is_told_by_the_one_who_waits_to_be_woken(agent: Agent, world: World) -> None:
    woken: list[int] = []
    made = Recorder(
        agent.store, world.orders(), lambda: woken.append(1), lambda check, seconds: None, lambda check: 0, rest=0.0
    )
    made.step()
    assert woken == [1], "the destinations were taken over"


def test_a_check_that_runs_again_is_waited_for_from_its_result_on(agent: Agent, world: World) -> None:
    world.checks = {"jumpy": msgspec.structs.replace(CHECKS["jumpy"], cron="", interval=60.0, timeout=10.0)}
    agent.takes(world.orders())
    world.passes(50_000)
    agent.takes(Outcome("jumpy", 1, world.wall, 0.0, (Result(Status.OK, "fine"),), type="none"))
    for seconds, events in ((70, 0), (10, 1)):
        world.passes(seconds * 1000 - 1000)
        agent.looks()
        world.passes(1000)
        agent.looks()
        assert len(agent.events()) == events


def test_after_the_first_it_rests_for_others_unless_they_fill_a_batch(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(agent.recorder._stopping, "wait", rests.append)
    monkeypatch.setattr(room, "BATCH", 3)
    agent.recorder._rest = 0.5
    for waiting, rest in ((1, [0.5]), (3, [0.5, 0.5]), (4, [0.5, 0.5])):
        for _ in range(waiting):
            agent.recorder.put(lambda: None)
        agent.recorder.step()
        assert rests == rest, "one was taken already, the others are a batch"
        while not agent.recorder._queue.empty():
            agent.recorder._queue.get()
