"""Results come before deadlines, and what is awaited is as configured now."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import EXCUSE_SECONDS, DeadMansSwitch
from agent.engine.staleness import START_SECONDS, StalenessMonitor
from agent.model import Count, FailAfter, Policy, Pushed, Status
from agent.store import notification
from tests.engine.awaiting import TTL, pass_, pushed, result, told
from tests.engine.step_by_step import Agent, Api, World


@pytest.fixture
def world() -> World:
    world = World()
    world.checks = {"backup": pushed()}
    return world


# --- results before deadlines -----------------------------------------------------------------------------------------


def test_a_result_that_waits_in_the_queue_is_judged_before_what_is_overdue(agent: Agent, world: World) -> None:
    agent.takes(result(world))
    world.passes(3600_000)
    agent.takes(result(world))
    assert told(agent) == []


def test_a_result_that_was_taken_and_lies_in_the_spool_as_well_counts_once(agent: Agent, world: World) -> None:
    """The disk was full: its sender was not answered in time, and spooled it."""
    world.checks = {"backup": pushed(policy=Policy(FailAfter(critical=Count(2)), flapping=None))}
    agent.takes(world.orders())
    agent.takes(result(world))
    pass_(agent, 1)
    agent.takes(result(world, Status.CRITICAL))
    agent.takes(result(world, Status.CRITICAL, Pushed.SPOOLED))
    assert told(agent) == []
    pass_(agent, 1)
    agent.takes(result(world, Status.CRITICAL, Pushed.SPOOLED))
    assert told(agent) == ["critical"]


def test_what_is_overdue_waits_while_more_results_wait_than_one_step_takes(agent: Agent, world: World) -> None:
    agent.takes(result(world))
    world.passes(3600_000)
    for _ in range(600):
        agent.recorder.put(lambda: None)
    agent.recorder.put(result(world))
    agent.recorder.step()
    agent.recorder.step()
    assert told(agent) == []


def test_after_a_start_the_spool_is_read_before_anything_is_overdue(tmp_path: Path, agent: Agent, world: World) -> None:
    agent.takes(result(world))
    world.passes(10 * 3600_000)
    agent.killed(tmp_path / "later")
    agent.__init__(tmp_path / "later", world, Api())  # type: ignore[misc]
    for ago in (9, 6, 3, 0):
        pass_(agent, 4)
        agent.takes(result(world, how=Pushed.SPOOLED, ago=ago * 600))
    pass_(agent, 60)
    assert told(agent) == []


def test_a_spool_that_never_ends_excuses_nobody_for_ever(tmp_path: Path, world: World) -> None:
    switch = DeadMansSwitch()
    switch.update([pushed()], {}, 0.0, 0)
    for now in range(3500, 3800):
        switch.reads_spool(float(now))
        if switch.overdue(float(now), 0):
            break
    assert 3600 <= now <= 3700


@pytest.mark.parametrize("away", [10, 1000, 100_000])
def test_an_agent_that_stood_still_gives_results_the_time_to_come_in(agent: Agent, world: World, away: int) -> None:
    agent.takes(result(world))
    pass_(agent, TTL - 5)
    pass_(agent, away)
    assert told(agent) == []
    agent.takes(result(world))
    pass_(agent, EXCUSE_SECONDS + 1)
    assert told(agent) == []


def test_after_a_standstill_what_does_not_come_is_told(agent: Agent, world: World) -> None:
    agent.takes(result(world))
    pass_(agent, 2 * TTL)
    pass_(agent, EXCUSE_SECONDS)
    assert told(agent) == ["nodata"]


# --- as configured now ------------------------------------------------------------------------------------------------


def test_a_check_that_was_overdue_and_comes_back_is_awaited_anew(agent: Agent, world: World) -> None:
    pass_(agent, TTL)
    assert told(agent) == ["nodata"]
    for _ in range(2):
        world.checks = {}
        agent.takes(world.orders())
        pass_(agent, 3 * TTL)
        world.checks = {"backup": pushed()}
        agent.takes(world.orders())
        pass_(agent, TTL - 1)
        assert told(agent)[-1] == "ok"
        pass_(agent, 1)
        assert told(agent)[-1] == "nodata"


def test_a_ttl_that_is_reloaded_holds_from_the_last_result_on(agent: Agent, world: World) -> None:
    agent.takes(result(world))
    pass_(agent, 100)
    world.checks = {"backup": pushed(ttl=200)}
    agent.takes(world.orders())
    pass_(agent, 99)
    assert told(agent) == []
    pass_(agent, 1)
    assert told(agent) == ["nodata"]


def test_where_two_spans_without_a_result_are_needed_the_second_one_counts(agent: Agent, world: World) -> None:
    world.checks = {"backup": pushed(policy=Policy(FailAfter(nodata=Count(2)), flapping=None))}
    agent.takes(world.orders())
    agent.takes(result(world))
    pass_(agent, TTL)
    assert told(agent) == []
    pass_(agent, TTL)
    assert told(agent) == ["nodata"]


def test_what_flapped_and_is_pushed_no_more_is_told_as_missing_once_it_has_calmed_down(
    agent: Agent, world: World
) -> None:
    world.checks = {"backup": pushed(policy=Policy())}
    agent.takes(world.orders())
    for _ in range(4):
        for status in (Status.OK, Status.CRITICAL):
            world.passes(1000)
            agent.takes(result(world, status))
    assert told(agent)[-1] == "error"
    for _ in range(20):
        pass_(agent, TTL)
    assert told(agent)[-2:] == ["error", "nodata"]


def test_a_miss_that_is_repeated_says_for_how_long_it_is_one_by_now(agent: Agent, world: World) -> None:
    world.checks = {"backup": pushed(policy=Policy(repeat_every=2.5 * TTL, flapping=None))}
    agent.takes(world.orders())
    agent.takes(result(world))
    for _ in range(8):
        pass_(agent, TTL / 2)
    summaries = [facts.summary for event in reversed(agent.events()) if (facts := notification(event))]
    assert summaries[0] == "no result for 3h, expected every 1h"


# --- silence over restarts --------------------------------------------------------------------------------------------


def test_silence_is_counted_over_restarts_but_each_start_gives_the_time_to_run() -> None:
    check = CheckConfig("web", "none", Check(), Place("a.yaml"), interval=60.0, timeout=10.0)
    monitor = StalenessMonitor()
    monitor.update([check], 1000.0, {"web": 400.0})
    assert monitor.overdue(1000.0 + START_SECONDS, 0) == []
    (outcome,) = monitor.overdue(1000.0 + START_SECONDS + 10.0, 0)
    assert outcome.results[0].summary == "no result for 10m 25s"


def test_a_shorter_interval_accuses_nobody_of_what_was_right_before() -> None:
    hourly = CheckConfig("web", "none", Check(), Place("a.yaml"), interval=3600.0, timeout=10.0)
    monitor = StalenessMonitor()
    monitor.update([hourly], 0.0)
    monitor.update([CheckConfig("web", "none", Check(), Place("a.yaml"), interval=60.0, timeout=10.0)], 3000.0)
    assert monitor.next_look >= 3060.0
