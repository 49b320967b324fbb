"""Runs that overlap, that are told of late, and the book of their deadlines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import DeadMansSwitch, process_is_there
from agent.engine.deadlines import DeadlineBook
from agent.engine.recorder.recorder import RecorderConfig
from agent.engine.recorder.waiting import Waiting
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.engine.staleness import SLACK_SECONDS, START_SECONDS
from agent.model import Result, RunStarted, State, Status
from agent.plugin.clock import Clocks
from agent.store import Change, LastRun, Store
from tests.engine.awaiting import pass_, pushed, result, told
from tests.engine.step_by_step import Agent, World


@pytest.fixture
def world() -> World:
    world = World()
    world.checks = {"backup": pushed()}
    return world


# --- runs that overlap ------------------------------------------------------------------------------------------------


def running(*pids: int) -> DeadMansSwitch:
    switch = DeadMansSwitch(is_running=pids.__contains__)
    switch.update([pushed(max_run=60)], {}, 0.0, 0)
    return switch


def test_a_run_that_takes_too_long_is_critical_though_another_one_ends_well() -> None:
    switch = running(1, 2)
    switch.note_start("backup", "", 0.0, 1)
    switch.note_start("backup", "", 10.0, 2)
    switch.note_result("backup", "", 0, 20.0, 0, 2)
    (outcome,) = switch.overdue(60.0, 0)
    assert (outcome.results[0].status, outcome.results[0].summary) == (Status.CRITICAL, "still running after 1m")


@given(st.lists(st.tuples(st.sampled_from(["begin", "end"]), st.integers(1, 4)), max_size=30))
def test_a_result_is_good_only_when_no_run_goes_on_for_too_long(steps: list[tuple[str, int]]) -> None:
    switch = running(1, 2, 3, 4)
    began: dict[int, float] = {}
    for step, (what, run) in enumerate(steps):
        now = step * 25.0
        if what == "begin":
            switch.note_start("backup", "", now, run)
            began[run] = now
        else:
            switch.note_result("backup", "", 0, now, 0, run)
            began.pop(run, None)
            counts = switch.effective_result("backup", Result(Status.OK, "done"), now)
            assert counts.status == (Status.CRITICAL if any(now - at >= 60 for at in began.values()) else Status.OK)
        switch.overdue(now, 0)


def test_a_run_whose_process_is_gone_holds_nothing_up() -> None:
    switch = running(2)
    switch.note_start("backup", "", 0.0, 1)
    (outcome,) = switch.overdue(60.0, 0)
    assert outcome.results[0].summary == "its process is gone, and no result after 1m"
    switch.note_start("backup", "", 100.0, 2)
    switch.note_result("backup", "", 0, 110.0, 0, 2)
    assert switch.effective_result("backup", Result(Status.OK, "done"), 110.0).status is Status.OK


def test_runs_are_known_over_a_restart_also_those_that_older_agents_noted() -> None:
    switch = running(1)
    switch.note_start("backup", "db", 0.0, 1)
    again = DeadMansSwitch(is_running=lambda pid: True)
    again.update([pushed(max_run=60)], {"backup": switch.memory("backup", 10.0, 10_000)}, 0.0, 30_000)
    assert [outcome.results[0].subject for outcome in again.overdue(30.0, 0)] == ["db"]
    older = DeadMansSwitch()
    older.update([pushed(max_run=60)], {"backup": {"since": 0, "last": {}, "began": {"": 0}}}, 0.0, 30_000)
    assert [outcome.results[0].status for outcome in older.overdue(30.0, 0)] == [Status.CRITICAL]


def test_the_recorder_ends_the_run_that_a_result_names_and_no_other(agent: Agent, world: World) -> None:
    world.checks = {"backup": pushed(max_run=60)}
    agent.takes(world.orders())
    agent.recorder._waiting._pushed._is_running = lambda pid: True
    agent.takes(RunStarted("backup", "", 7))
    pass_(agent, 50)
    agent.takes(RunStarted("backup", "", 8))
    pass_(agent, 5)
    agent.takes(result(world, run=8))
    pass_(agent, 5)
    agent.takes(result(world, run=0))
    assert told(agent) == ["critical"]
    agent.takes(result(world, run=7))
    assert told(agent) == ["critical", "ok"]


def test_a_process_that_is_no_wrap_is_no_run() -> None:
    assert not process_is_there(2**22 + 1)
    assert not process_is_there(2**31), "a number that no process can have"


# --- the book ---------------------------------------------------------------------------------------------------------


MOVES = st.lists(st.tuples(st.sampled_from(["set", "drop", "pass", "look"]), st.integers(0, 3), st.integers(0, 50)))


@given(MOVES)
def test_the_book_gives_back_each_deadline_once_and_is_looked_at_neither_too_late_nor_in_vain(
    moves: list[tuple[str, int, int]],
) -> None:
    book: DeadlineBook[int] = DeadlineBook()
    model: dict[int, float] = {}
    now = 0.0
    for what, key, span in [*moves, ("look", 0, 0)]:
        if what == "look":
            assert book.next == min(model.values(), default=float("inf"))
        elif what == "pass":
            now += span
            due = {key for key, at in model.items() if at <= now}
            assert {key for key, _ in book.take(now)} == due
            model = {key: at for key, at in model.items() if key not in due}
        elif what == "drop":
            book.drop(key)
            model.pop(key, None)
        else:
            book.set(key, now + span)
            model[key] = now + span
        assert len(book) == len(model)


def test_what_is_awaited_is_forgotten_with_its_check(agent: Agent, world: World) -> None:
    for number in range(50):
        world.checks = {
            "backup": pushed(max_run=60),
            f"web{number}": CheckConfig(f"web{number}", "none", Check(), Place("")),
        }
        agent.takes(world.orders())
        agent.takes(RunStarted("backup", f"/{number}", number))
        agent.takes(result(world))
    world.checks = {}
    agent.recorder.put(RecorderConfig({}, world._compose, world._suppression))
    pass_(agent, 1)
    waiting = agent.recorder._waiting
    assert not waiting._pushed._checks
    assert not len(waiting._pushed._book)
    assert not waiting._pushed._excuses
    assert not waiting._runs._checks
    assert not len(waiting._runs._book)
    assert not waiting._memories
    assert not waiting._last_runs


# --- a run that is told of late ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "left"), [(20, 40), (0, 60), (-5, 60)])
def test_a_run_counts_from_when_it_began_not_from_when_that_was_heard(
    agent: Agent, world: World, ago: int, left: int
) -> None:
    world.checks = {"backup": pushed(max_run=60.0)}
    agent.takes(world.orders())
    agent.recorder.put(RunStarted("backup", "", 0, world.wall - ago * 1000))
    agent.looks()
    pass_(agent, left - 0.5)
    assert told(agent) == []
    pass_(agent, 1)
    assert told(agent) == ["critical"]


def test_a_run_without_a_moment_counts_from_when_it_was_heard_of(agent: Agent, world: World) -> None:
    world.checks = {"backup": pushed(max_run=60.0)}
    agent.takes(world.orders())
    agent.recorder.put(RunStarted("backup", ""))
    agent.looks()
    pass_(agent, 59.5)
    assert told(agent) == []
    pass_(agent, 1)
    assert told(agent) == ["critical"]


@pytest.mark.parametrize("ago", [0, 1, 30, 600])
def test_after_a_restart_silence_is_counted_from_the_last_run(tmp_path: Path, ago: int) -> None:
    check = CheckConfig("web", "script", Check(), Place("a.yaml"), interval=300.0)
    store = Store.open(tmp_path)
    now, wall = 5000.0, 1_700_000_000_000
    store.record([Change(State("web"))])
    store.note([LastRun("web", "", Result(Status.OK, "well"), wall - ago * 1000, 0.0, 0)])
    waiting = Waiting(store, WriteBuffer(), Clocks(lambda: wall, lambda: now))
    waiting.configure(msgspec.structs.replace(World().orders(), checks={"web": check}))
    assert waiting.next_look == pytest.approx(max(now - ago + 300 + SLACK_SECONDS, now + START_SECONDS))
    store.close()
