"""What the recorder does with what a person knows of, what is gone, and bugs of ours; step by step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Check
from agent.config.settings import CheckConfig, DependsOn, Place
from agent.engine.recorder.commands import Acknowledge
from agent.engine.self_check import BROKEN
from agent.engine.state.transition import Transition
from agent.model import Count, FailAfter, Metric, Notification, Outcome, Policy, Result, Silence, State, Status
from agent.store import notification
from tests.engine.step_by_step import CHECKS, Agent, Api, World

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
    acknowledge(agent, None)
    agent.takes(result(world, Result(Status.WARNING, "slow")))
    assert [state.acknowledged for state in agent.store.states()] == [""], "what changes is another problem"


def test_what_a_silence_holds_back_waits_for_the_next_one_too_and_then_is_run(agent: Agent, world: World) -> None:
    began = world.wall
    world.silences = (Silence("jumpy", began, began + 10_000),)
    agent.takes(world.orders())
    agent.takes(result(world, critical("")))
    runs: list[tuple[str, float]] = []
    decider = agent.recorder._decider
    decider._schedule = msgspec.structs.replace(decider._schedule, retry=lambda *asked: runs.append(asked))
    world.silences = (*world.silences, Silence("jumpy", began, began + 60_000))
    for second in range(1, 60):
        world.passes(1000)
        agent.looks()
        assert runs == [], second
    world.passes(1000)
    agent.looks()
    assert ("jumpy", 0.0) in runs
    assert told(agent) == []


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
    asked: list[tuple[str, CheckConfig]] = []
    compose = world._compose

    def noted(report: Any, step: Transition, config: CheckConfig) -> Any:
        asked.append((step.state.subject, config))
        return compose(report, step, config)

    world._compose = noted  # type: ignore[method-assign]
    agent.__init__(tmp_path / "later", world, Api())  # type: ignore[misc]
    closing = last_facts(agent)
    assert (closing.status, closing.type, closing.tags) == ("ok", "none", {})
    assert asked == [("/a", CheckConfig("jumpy", "none", Check(), Place("")))]
    assert states(agent) == {}


def test_a_check_that_was_written_wrong_is_closed_as_what_it_was_told_as(agent: Agent, world: World) -> None:
    world.checks["bad"] = CheckConfig("bad", BROKEN, Check(), Place("a.yaml"), interval=0.0)
    agent.takes(world.orders())
    agent.takes(Outcome("bad", 0, world.wall, 0.0, (Result(Status.NODATA, "written wrong"),), complete=False))
    del world.checks["bad"]
    agent.takes(world.orders())
    closing = last_facts(agent)
    assert (closing.status, closing.type) == ("ok", BROKEN)


def test_another_check_under_a_parent_s_name_has_not_run_yet(agent: Agent, world: World) -> None:
    world.checks["child"] = msgspec.structs.replace(
        world.checks["other"], name="child", depends_on=DependsOn(("jumpy",))
    )
    agent.takes(world.orders())
    agent.takes(result(world, Result(Status.OK, "fine")))
    assert agent.recorder._decider._parents._starts == {"jumpy": world.wall}
    world.checks["jumpy"] = msgspec.structs.replace(world.checks["jumpy"], type="another")
    agent.takes(world.orders())
    assert agent.recorder._decider._parents._starts == {}


def test_a_parent_that_has_run_and_is_counted_still_is_not_asked_to_run_by_its_children(
    agent: Agent, world: World
) -> None:
    twice = Policy(FailAfter(critical=Count(2)), flapping=None)
    world.checks["jumpy"] = msgspec.structs.replace(world.checks["jumpy"], policy=twice)
    world.checks["child"] = msgspec.structs.replace(
        world.checks["other"], name="child", depends_on=DependsOn(("jumpy",))
    )
    agent.takes(world.orders())
    decider, runs = agent.recorder._decider, []
    decider._schedule = msgspec.structs.replace(decider._schedule, retry=lambda *asked: runs.append(asked))
    agent.takes(Outcome("child", 1, world.wall, 0.0, (Result(Status.OK, "fine"),), type="none"))
    assert runs == []
    agent.takes(Outcome("child", 1, world.wall, 0.0, (critical(""),), type="none"))
    assert runs == [("jumpy", 0.0)], "what it said before is no answer"
    runs.clear()
    world.passes(1000)
    agent.takes(result(world, critical("")))
    assert runs == []
    assert told(agent) == []


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
    assert ("backup", "/a") in list(decider._results)
    agent.takes(msgspec.structs.replace(outcome, results=outcome.results[1:]))
    assert set(decider._results) == {("backup", "/b")}
    assert decider._looks.list_suppressed() == []
    decider._looks.at_once("backup", "/b", 1.0)
    del world.checks["backup"]
    world.checks["jumpy"] = CHECKS["jumpy"]
    agent.takes(world.orders())
    assert list(decider._results) == []
    assert decider._looks.due(world.monotonic, world.wall, lambda: ()) == []
