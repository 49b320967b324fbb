"""What is held back is judged again when its silence, window, span or reload lets it go."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.api import Check
from agent.config.settings import CheckConfig, Maintenance, Place
from agent.engine.recorder.second_look import SecondLooks
from agent.engine.self_check import BROKEN, OWN_NAME, own_check
from agent.model import Count, EventStatus, FailAfter, Flapping, Outcome, Policy, Result, State, Status
from tests.engine.step_by_step import MINUTE, World
from tests.engine.watched import Watched, pushed, run_by_agent, silence

HOURLY = Maintenance("0 * * * *", 600, "UTC")


# --- silences and windows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lifted", [True, False])
def test_a_pushed_problem_is_told_once_when_its_silence_ends_or_is_lifted(
    agent: Watched, world: World, lifted: bool
) -> None:
    silence(world, "backup", 30)
    agent.push("critical")
    agent.passes(5)
    assert agent.told() == []
    if lifted:
        world.silences = ()
        agent.passes(2)
    else:
        agent.passes(25)
    assert agent.told() == ["backup critical"]
    agent.passes(100)
    assert agent.told() == ["backup critical"]


def test_what_came_and_went_during_a_silence_is_not_told(agent: Watched, world: World) -> None:
    silence(world, "backup", 30)
    agent.push("critical")
    agent.push("ok")
    agent.passes(60)
    assert agent.told() == []


def test_a_pushed_problem_is_told_when_its_window_ends(agent: Watched, world: World) -> None:
    world.checks["backup"] = pushed(maintenance=(HOURLY,))
    agent.takes(world.orders())
    world.passes(45 * MINUTE)  # five minutes past the hour
    agent.push("critical")
    agent.passes(299)
    assert agent.told() == []
    agent.passes(2)
    assert agent.told() == ["backup critical"]


def test_it_is_told_after_a_restart_too_and_in_the_words_of_the_push(
    tmp_path: Path, agent: Watched, world: World
) -> None:
    silence(world, "backup", 300)
    agent.push("critical")
    agent.killed(tmp_path / "later")
    world.passes(400_000)
    agent.__init__(tmp_path / "later", world)  # type: ignore[misc]
    assert agent.told() == ["backup critical"]
    assert "it is critical" in str(agent.events()[0])


def test_a_silence_that_the_clock_ends_by_a_jump_is_noticed(agent: Watched, world: World) -> None:
    silence(world, "backup", 3600)
    agent.push("critical")
    agent.passes(3)
    world.wall += 2 * 3600_000
    agent.passes(2)
    assert agent.told() == ["backup critical"]


def test_a_count_still_needs_a_second_push(agent: Watched, world: World) -> None:
    world.checks["backup"] = pushed(policy=Policy(FailAfter(critical=Count(2)), flapping=None))
    agent.takes(world.orders())
    silence(world, "backup", 10)
    agent.push("critical")
    agent.passes(60)
    assert agent.told() == []
    agent.push("critical")
    assert agent.told() == ["backup critical"]


def test_what_the_agent_says_of_itself_is_judged_again_as_well(agent: Watched, world: World) -> None:
    world.checks = {OWN_NAME: own_check(), "bad": CheckConfig("bad", BROKEN, Check(), Place(""), interval=0.0)}
    agent.takes(world.orders())
    silence(world, "bad", 10)
    agent.takes(Outcome("bad", 0, world.wall, 0.0, (Result(Status.NODATA, "wrong"),), complete=False))
    agent.passes(12)
    assert agent.told() == ["bad nodata"]


@pytest.mark.parametrize("lifted", [True, False])
def test_a_check_that_is_run_gets_a_run_when_its_silence_ends_or_is_lifted(
    agent: Watched, world: World, lifted: bool
) -> None:
    silence(world, "web", 30)
    agent.run("web", "critical")
    agent.passes(29)
    assert agent.asked == []
    if lifted:
        world.silences = ()
    agent.passes(2)
    assert agent.asked == [("web", 0.0)]
    assert agent.told() == [], "only a fresh result is told"
    agent.run("web", "critical")
    assert agent.told() == ["web critical"]


def test_a_result_whose_run_began_in_a_window_that_ended_meanwhile_is_not_told(agent: Watched, world: World) -> None:
    world.checks["web"] = run_by_agent("web", maintenance=(HOURLY,))
    agent.takes(world.orders())
    world.wall += 50 * MINUTE + 3000  # three seconds after its end
    agent.run("web", "critical", began=world.wall - 5000)
    assert agent.told() == []
    agent.passes(1)
    assert set(agent.asked) == {("web", 0.0)}


# --- reloads, flapping, spans, repetitions ----------------------------------------------------------------------------


def test_a_reload_that_lifts_what_held_it_back_tells_it(agent: Watched, world: World) -> None:
    world.checks["backup"] = pushed(maintenance=(Maintenance("* * * * *", 120, "UTC"),))
    agent.takes(world.orders())
    agent.push("critical")
    agent.passes(5)
    world.checks["backup"] = pushed()
    agent.takes(world.orders())
    assert agent.told() == ["backup critical"]


def test_flapping_that_is_switched_off_ends_without_a_result(agent: Watched, world: World) -> None:
    world.checks["backup"] = pushed(policy=Policy(flapping=Flapping()))
    agent.takes(world.orders())
    for _ in range(6):
        agent.push("critical")
        agent.push("ok")
    agent.push("critical")
    assert agent.told()[-1] == "backup error"
    world.checks["backup"] = pushed()
    agent.takes(world.orders())
    assert agent.told()[-1] == "backup critical"


@pytest.mark.parametrize("patience", [20.0, 120.0])
def test_a_span_that_a_problem_must_last_runs_out_without_a_result(
    agent: Watched, world: World, patience: float
) -> None:
    needed = FailAfter(critical=Count(seconds=60))
    world.checks["backup"] = pushed(policy=Policy(needed, flapping=None, patience=patience))
    agent.takes(world.orders())
    agent.push("critical")
    agent.passes(59)
    assert agent.told() == []
    agent.passes(3)
    assert agent.told() == ["backup critical"]


def test_a_pushed_problem_is_told_again_after_each_repetition_that_is_asked_for(agent: Watched, world: World) -> None:
    world.checks["backup"] = pushed(policy=Policy(flapping=None, repeat_every=60))
    agent.takes(world.orders())
    agent.push("critical")
    agent.passes(59)
    assert len(agent.told()) == 1
    agent.passes(1)
    assert len(agent.told()) == 2
    agent.passes(119)
    assert len(agent.told()) == 2
    agent.passes(1)
    assert agent.told() == ["backup critical"] * 3
    agent.push("ok")
    agent.passes(600)
    assert agent.told()[-1] == "backup ok"


@pytest.mark.parametrize(("ago", "due"), [(0, 3600.0), (3599, 1.0), (3600, 0.0), (9000, 0.0)])
def test_after_a_start_a_repetition_is_due_when_it_would_have_been(ago: int, due: float) -> None:
    wall, looks = 1_790_000_000_000, SecondLooks()
    told_at = wall - ago * 1000
    bad = State("web", decided=Status.CRITICAL, notified=EventStatus.CRITICAL, notified_at=told_at, events=1)
    looks.go_on(bad, None, Policy(repeat_every=3600), wall, 50.0)
    assert looks.next_look == 50.0 + due
