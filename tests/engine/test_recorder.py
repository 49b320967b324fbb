"""The recorder, step by step and without its thread."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config.settings import CheckConfig
from agent.engine.recorder.changes import worth_keeping
from agent.engine.self_check import NO_RESULT_YET
from agent.model import EventStatus, Notification, Outcome, Result, State, Status
from agent.store import Change
from tests.engine.step_by_step import CHECKS, Agent, Api, World


def outcome(status: Status, subject: str = "", type_: str = "none", number: int = 1, at: int = 1000) -> Outcome:
    return Outcome("jumpy", number, at, 0.5, (Result(status, "so", subject),), type=type_)


def of_another_type(world: World) -> None:
    world.checks["jumpy"] = msgspec.structs.replace(CHECKS["jumpy"], type="other")


def subjects(agent: Agent) -> list[str]:
    return [state.subject for state in agent.store.states()]


def test_another_type_under_an_old_name_begins_anew_while_running_and_after_a_restart(
    tmp_path: Path, world: World, agent: Agent
) -> None:
    agent.takes(outcome(Status.CRITICAL, "/old"))
    agent.killed(tmp_path / "later")
    of_another_type(world)
    agent.__init__(tmp_path / "later", world, Api())  # type: ignore[misc]
    agent.takes(outcome(Status.OK, "/new", "other"))
    assert subjects(agent) == ["/new"]
    assert [(event.subject, event.status) for event in agent.events()] == [("/old", "critical"), ("/old", "ok")]


def test_a_run_that_began_before_its_name_meant_another_check_says_nothing_of_that(agent: Agent, world: World) -> None:
    of_another_type(world)
    agent.takes(world.orders())
    agent.takes(outcome(Status.CRITICAL, "/old"))
    agent.takes(outcome(Status.OK, "/new", "other"))
    assert subjects(agent) == ["/new"]
    assert agent.events() == []


def test_a_removed_check_leaves_no_state_and_no_last_run(agent: Agent, world: World) -> None:
    agent.takes(outcome(Status.CRITICAL))
    del world.checks["jumpy"]
    agent.takes(world.orders())
    world.monotonic += 10
    agent.takes(world.orders())
    assert agent.store.states() == []
    assert agent.store.last_runs() == []
    assert [event.status for event in agent.events()] == ["critical", "ok"]


def test_a_change_that_could_not_be_worded_is_told_with_the_next_result(
    agent: Agent, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    orders = world.orders()
    wording = [ZeroDivisionError]

    def fails_once(*arguments: Any) -> Notification:
        if wording:
            raise wording.pop()
        return orders.compose(*arguments)

    agent.takes(msgspec.structs.replace(orders, compose=fails_once))
    with caplog.at_level(logging.CRITICAL):
        agent.takes(outcome(Status.CRITICAL))
    agent.takes(outcome(Status.CRITICAL, number=2, at=2000))
    assert [event.status for event in agent.events()] == ["critical"]


def test_one_change_that_cannot_be_stored_holds_up_no_other(
    agent: Agent, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    orders = world.orders()

    def odd(*arguments: Any) -> Notification:
        event = orders.compose(*arguments)
        return msgspec.structs.replace(event, at=2**70) if event.subject == "/odd" else event

    agent.recorder.put(msgspec.structs.replace(orders, compose=odd))
    agent.recorder.put(outcome(Status.CRITICAL, "/odd"))
    with caplog.at_level(logging.CRITICAL):
        agent.takes(msgspec.structs.replace(outcome(Status.WARNING, "/fine"), complete=False))
    assert subjects(agent) == ["/fine"]
    assert [event.status for event in agent.events()] == ["warning"]


def told_change(subject: str, number: int) -> Change:
    told = Notification(f"{subject}{number}", "web", subject, EventStatus.CRITICAL, number)
    return Change(State("web", subject, events=number), told)


def test_while_the_disk_takes_nothing_every_event_is_kept_and_of_states_the_latest() -> None:
    changes = [told_change("/", 1), Change(State("web", "/", bad=1)), Change(State("web", "/", bad=2))]
    assert worth_keeping(changes) == [changes[0], changes[2]]


def test_beyond_a_bound_what_lies_between_a_subjects_first_and_latest_event_goes_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    changes = [told_change(subject, number) for number in range(1, 6) for subject in ("/", "/mnt")]
    kept = worth_keeping(changes, most=6)
    assert [(change.state.subject, change.state.events) for change in kept] == [
        ("/", 1),
        ("/mnt", 1),
        ("/", 5),
        ("/mnt", 5),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "6 changes that later ones replace are lost: the disk takes nothing"
    ]
    assert worth_keeping(changes, most=10) == changes


def test_a_start_with_many_checks_costs_each_first_result_the_same(agent: Agent, world: World) -> None:
    """Who has no result yet is gone through at a configuration, not with each first result."""
    gone_through = 0

    class Counting(dict[str, CheckConfig]):
        def items(self) -> Any:
            nonlocal gone_through
            gone_through += 1
            return super().items()

    many = {f"c{number}": msgspec.structs.replace(CHECKS["jumpy"], name=f"c{number}") for number in range(100)}
    agent.takes(msgspec.structs.replace(world.orders(), checks=Counting(many)))
    at_the_configuration = gone_through
    for number in range(99):
        agent.takes(msgspec.structs.replace(outcome(Status.OK), check=f"c{number}"))
    world.monotonic += 10
    agent.takes(msgspec.structs.replace(outcome(Status.OK, number=2, at=2000), check="c1"))
    assert gone_through == at_the_configuration
    assert agent.store.history.recall(NO_RESULT_YET) == '["c99"]'
