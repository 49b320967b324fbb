"""What the recorder does with what a person knows of, what is gone, and bugs of ours; step by step."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Duration, PushedCheck
from agent.engine.recorder import recorder as room
from agent.engine.recorder.commands import Acknowledge
from agent.engine.recorder.recorder import REST_SECONDS, Recorder
from agent.engine.state.transition import Transition
from agent.model import Metric, Notification, Outcome, Policy, Result, RunStarted, State, Status
from agent.store import notification
from tests.test_model import CHECKS, Agent, Api, World

HOUR = 3600.0


@pytest.fixture
def world() -> World:
    world = World()
    repeated = msgspec.structs.replace(CHECKS["jumpy"], policy=Policy(flapping=None, repeat_every=HOUR))
    world.checks = {"jumpy": repeated, "other": msgspec.structs.replace(repeated, name="other")}
    return world


@pytest.fixture
def agent(tmp_path: Path, world: World) -> Iterator[Agent]:
    agent = Agent(tmp_path / "state", world, Api())
    yield agent
    agent.store.close()


def result(world: World, *results: Result, complete: bool = False, **more: Any) -> Outcome:
    return Outcome("jumpy", 1, world.wall, 0.0, results, complete=complete, type="none", **more)


def critical(subject: str, **more: Any) -> Result:
    return Result(Status.CRITICAL, "it is down", subject, **more)


def states(agent: Agent) -> dict[str, State]:
    return {state.subject: state for state in agent.store.states()}


def told(agent: Agent) -> list[tuple[str, str]]:
    return [(event.subject, event.status) for event in agent.events()]


def last_facts(agent: Agent) -> Notification:
    facts = notification(agent.events()[-1])
    assert facts is not None
    return facts


# --- what somebody knows of -----------------------------------------------------------------------------------------


def acknowledge(agent: Agent, subject: str | None, words: str = "ann (on it)", check: str = "jumpy") -> list[str]:
    answers: list[list[str]] = []
    agent.recorder.put(Acknowledge(check, subject, words, answers.append))
    agent.looks()
    (answer,) = answers
    return answer


@pytest.mark.parametrize(
    ("subject", "check", "meant"),
    [
        (None, "jumpy", ["/a", "/b"]),
        ("/a", "jumpy", ["/a"]),
        ("/ok", "jumpy", []),
        ("/x", "jumpy", []),
        (None, "x", []),
    ],
)
def test_what_is_told_as_a_problem_now_is_acknowledged_all_of_a_check_or_one(
    agent: Agent, world: World, subject: str | None, check: str, meant: list[str]
) -> None:
    over = Result(Status.OK, "fine", "/over")
    agent.takes(result(world, critical("/a"), critical("/b"), critical("/over"), Result(Status.OK, "fine", "/ok")))
    agent.takes(result(world, over))
    assert acknowledge(agent, subject, check=check) == meant
    known = {subject: state.acknowledged for subject, state in states(agent).items()}
    assert known == dict.fromkeys(known, "") | dict.fromkeys(meant, "ann (on it)")


def test_what_is_acknowledged_is_not_repeated_until_that_is_taken_back_and_then_at_once(
    agent: Agent, world: World
) -> None:
    agent.takes(result(world, critical("")))
    acknowledge(agent, None)
    world.passes(round(HOUR * 1000) + 1)
    agent.takes(result(world, critical("")))
    assert told(agent) == [("", "critical")]
    runs: list[tuple[str, float]] = []
    agent.recorder._decider._schedule = msgspec.structs.replace(
        agent.recorder._decider._schedule, retry=lambda *asked: runs.append(asked)
    )
    acknowledge(agent, None, "")
    assert runs == [("jumpy", 0.0)], "it is run, for a repetition is due"
    agent.takes(result(world, critical("")))
    assert told(agent) == [("", "critical")] * 2


# --- what is gone ---------------------------------------------------------------------------------------------------


def observing(agent: Agent, world: World) -> list[tuple[Transition, bool]]:
    seen: list[tuple[Transition, bool]] = []
    agent.takes(msgspec.structs.replace(world.orders(), observe=lambda *what: seen.append(what)))
    return seen


def test_a_check_that_is_no_longer_configured_is_closed_forgotten_and_seen_to_end(agent: Agent, world: World) -> None:
    seen = observing(agent, world)
    agent.takes(result(world, critical("/a", metrics=(Metric("time", 0.5),)), Result(Status.OK, "fine", "/b")))
    assert [(step.state.subject, step.last, measured) for step, measured in seen] == [
        ("/a", False, True),
        ("/b", False, True),
    ]
    seen.clear()
    del world.checks["jumpy"]
    world.passes(1000)
    agent.takes(msgspec.structs.replace(world.orders(), observe=lambda *what: seen.append(what)))
    assert [(step.state.subject, step.last, measured, step.at) for step, measured in seen] == [
        ("/a", True, False, world.wall),
        ("/b", True, False, world.wall),
    ]
    assert states(agent) == {}
    assert told(agent) == [("/a", "critical"), ("/a", "ok")]
    closing = last_facts(agent)
    assert (closing.check, closing.summary, closing.type) == ("jumpy", "no longer configured on this host", "none")
    assert closing.at == world.wall
    assert closing.tags == {}


def test_what_is_retired_is_told_as_the_check_that_it_was(agent: Agent, world: World) -> None:
    """The configuration at work is still the old one: description and tags are those of the problem."""
    tagged = msgspec.structs.replace(world.checks["jumpy"], tags={"team": "shop"}, description="the shop")
    world.checks["jumpy"] = tagged
    seen = observing(agent, world)
    agent.takes(result(world, critical("/a")))
    seen.clear()
    del world.checks["jumpy"]
    agent.takes(world.orders())
    assert [(step.state.subject, step.state.decided, step.last, measured) for step, measured in seen] == [
        ("/a", Status.OK, True, False)
    ]
    closing = last_facts(agent)
    assert (closing.tags, closing.description) == ({"team": "shop"}, "the shop")


def test_after_a_restart_what_is_retired_has_the_type_that_it_was_seen_with(
    tmp_path: Path, agent: Agent, world: World
) -> None:
    agent.takes(result(world, critical("/a")))
    agent.killed(tmp_path / "later")
    tagged = msgspec.structs.replace(world.checks["jumpy"], type="another", tags={"team": "shop"})
    world.checks["jumpy"] = tagged
    agent.__init__(tmp_path / "later", world, Api())  # type: ignore[misc]
    closing = last_facts(agent)
    assert (closing.status, closing.type, closing.tags) == ("ok", "none", {})
    assert states(agent) == {}


def test_a_subject_that_a_check_found_and_no_longer_finds_is_closed_and_forgotten_with_its_last_result(
    agent: Agent, world: World
) -> None:
    seen = observing(agent, world)
    agent.takes(result(world, critical("/a", discovered=True), Result(Status.OK, "fine", "/b"), complete=True))
    seen.clear()
    world.passes(2000)
    agent.takes(result(world, Result(Status.OK, "fine", "/b"), complete=True))
    world.passes(2000)
    agent.takes(result(world, Result(Status.OK, "fine", "/b"), complete=True))
    assert [(step.state.subject, step.last) for step, _ in seen] == [("/a", True), ("/b", False), ("/b", False)]
    assert list(states(agent)) == ["/b"]
    assert [run.subject for run in agent.store.last_runs()] == ["/b"]
    assert told(agent) == [("/a", "critical"), ("/a", "ok")]


def test_of_a_pushed_check_a_forgotten_subject_is_not_judged_again(agent: Agent, world: World) -> None:
    world.checks = {"backup": CHECKS["backup"]}
    agent.takes(world.orders())
    decider = agent.recorder._decider
    outcome = Outcome("backup", 1, world.wall, 0.0, (critical("/a", discovered=True), Result(Status.OK, "", "/b")))
    agent.takes(outcome)
    assert ("backup", "/a") in decider._results
    agent.takes(msgspec.structs.replace(outcome, results=outcome.results[1:]))
    assert set(decider._results) == {("backup", "/b")}
    assert decider._looks.held() == []
    del world.checks["backup"]
    world.checks["jumpy"] = CHECKS["jumpy"]
    agent.takes(world.orders())
    assert decider._results == {}


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
    answers = iter([ZeroDivisionError("odd"), True, False])

    def step() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(agent.recorder, "step", step)
    monkeypatch.setattr(room.time, "sleep", pauses.append)
    began = time.monotonic()
    agent.recorder._work()
    assert list(answers) == []
    assert pauses == [room.RETRY_SECONDS]
    assert began + REST_SECONDS <= agent.recorder._rest_until <= time.monotonic() + REST_SECONDS
    assert [record.getMessage() for record in caplog.records] == ["a bug of ours; the recorder goes on in 5s"]
    assert caplog.records[0].exc_info


def test_the_thread_works_until_it_is_stopped_and_writes_what_has_come(agent: Agent, world: World) -> None:
    agent.recorder.start()
    thread = agent.recorder._thread
    assert (thread.name, thread.daemon) == ("recorder", True)
    written = threading.Event()
    agent.recorder.put(written.set)
    assert written.wait(60)
    agent.recorder.put(result(world, critical("/a")))
    agent.recorder.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert told(agent) == [("/a", "critical")]


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
    assert before <= made._decider._wall() <= time.time_ns() // 1_000_000
    assert made._decider._monotonic is time.monotonic
