"""After a start and after reloads: clocks that are not set, checks without a result, nothing kept of what is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config.settings import DependsOn
from agent.engine.self_check import NO_RESULT_YET
from agent.engine.suppression.reasons import Suppression
from agent.model import Outcome, Result, Status
from tests.engine.step_by_step import World
from tests.engine.watched import Watched, pushed, run_by_agent, silence

# --- a clock that is not set ------------------------------------------------------------------------------------------


def since_the_start(agent: Watched, world: World, folder: Path) -> int:
    """Start in 1970 with pushed and other problems; return the true time."""
    true, world.wall = world.wall, 20_000
    agent.__init__(folder, world)  # type: ignore[misc]
    agent.push("ok")
    agent.push("critical", subject="db")
    agent.run("web", "critical")
    agent.passes(60)
    return true


def test_nothing_is_dated_1970_when_the_clock_is_set_after_the_start(
    tmp_path: Path, agent: Watched, world: World
) -> None:
    true = since_the_start(agent, world, tmp_path / "early")
    assert agent.told() == []
    world.wall = true
    agent.passes(2)
    agent.push("critical")
    assert ("web", 0.0) in agent.asked
    agent.run("web", "critical")
    assert sorted(agent.told()) == ["backup critical", "backup critical", "web critical"]
    assert all(event.created >= true for event in agent.events())
    for state in agent.store.states():
        times = (state.decided_since, state.notified_at, state.incident_since)
        assert all(at == 0 or at >= true - 100_000 for at in times), state


def test_a_clock_that_nobody_sets_holds_nothing_back_for_ever(tmp_path: Path, agent: Watched, world: World) -> None:
    since_the_start(agent, world, tmp_path / "early")
    agent.passes(240)
    assert agent.told() == ["backup critical"]
    assert ("web", 0.0) in agent.asked


def test_what_was_pushed_before_the_clock_was_set_is_not_overdue_after_a_restart(
    tmp_path: Path, agent: Watched, world: World
) -> None:
    true = since_the_start(agent, world, tmp_path / "early")
    world.wall = true
    agent.takes(world.orders())
    agent.killed(tmp_path / "later")
    agent.__init__(tmp_path / "later", world)  # type: ignore[misc]
    agent.passes(30)
    assert "backup nodata" not in agent.told()


# --- what never had a result ------------------------------------------------------------------------------------------


def test_which_checks_never_had_a_result_is_in_the_store_for_status(agent: Watched, world: World) -> None:
    def silent() -> str:
        return agent.store.history.recall(NO_RESULT_YET)

    assert silent() == '["backup","web"]'
    agent.run("web", "ok")
    assert silent() == '["backup"]'
    agent.push("ok", subject="db")
    assert silent() == "[]"
    world.checks["new"] = run_by_agent("new")
    agent.takes(world.orders())
    assert silent() == '["new"]'


def test_however_many_checks_begin_together_silences_are_looked_at_and_the_rest_written_once(
    agent: Watched, world: World
) -> None:
    world.checks = {f"web{number}": run_by_agent(f"web{number}") for number in range(300)}
    orders, looks = world.orders(), list[int]()

    def suppress(states: Any) -> Suppression:
        looks.append(1)
        return orders.suppress(states)

    agent.takes(msgspec.structs.replace(orders, suppress=suppress))
    agent.passes(2)
    looks.clear()
    kept = agent.store.keep_fact
    written = list[str]()
    agent.store.keep_fact = lambda name, value: (written.append(value), kept(name, value))[1]  # type: ignore[method-assign]
    for name in world.checks:
        agent.recorder.put(Outcome(name, 1, world.wall, 0.0, (Result(Status.OK, "so"),), type="none"))
    agent.looks()
    agent.passes(2)
    assert written == ["[]"]
    assert len(looks) == 1


# --- nothing is kept --------------------------------------------------------------------------------------------------


def test_after_reloads_and_subjects_nothing_is_kept_of_what_is_gone(agent: Watched, world: World) -> None:
    for number in range(30):
        world.checks = {
            "backup": pushed(depends_on=DependsOn((f"p{number}",))),
            f"p{number}": run_by_agent(f"p{number}"),
        }
        agent.takes(world.orders())
        silence(world, "backup", 10**6)
        for subject in range(5):
            agent.push("critical", subject=f"/{number}/{subject}")
        agent.run(f"p{number}", "critical")
    world.checks = {}
    agent.takes(world.orders())
    agent.passes(2)
    decider = agent.recorder._decider
    assert decider._states == {}
    assert list(decider._results) == []
    assert not decider._looks._suppressed
    assert not len(decider._looks._book)
    assert (decider._parents._starts, decider._parents._undecided, decider._parents._above) == ({}, set(), {})
    buffer = agent.recorder._pending._buffer
    assert (buffer.changes, buffer.notes, buffer.memories, buffer.forgotten) == ([], {}, {}, set())


def test_a_removed_check_leaves_no_memory_that_comes_back(agent: Watched, world: World) -> None:
    remembers = Outcome("web", 1, world.wall, 0.0, (Result(Status.OK, "so"),), memory={"place": 7}, type="none")
    agent.takes(remembers)
    assert agent.store.memories()["web"] == {"place": 7}
    agent.recorder.put(msgspec.structs.replace(remembers, memory={"place": 8}))
    world.checks = {"backup": pushed()}
    agent.takes(world.orders())
    agent.passes(2)
    assert "web" not in agent.store.memories()


def test_what_a_parent_said_before_its_own_parent_was_well_says_nothing_after_a_restart_either(
    tmp_path: Path, agent: Watched, world: World
) -> None:
    depends = {name: DependsOn((parent,)) for name, parent in (("switch", "line"), ("web", "switch"))}
    world.checks = {name: run_by_agent(name, depends_on=depends.get(name, DependsOn())) for name in ("line", *depends)}
    agent.takes(world.orders())
    for said in ("line ok", "switch ok", "web ok", "line critical", "web critical", "switch ok", "line ok"):
        name, status = said.split()
        agent.run(name, status)
        world.passes(1000)
    agent.killed(tmp_path / "killed")
    agent.__init__(tmp_path / "killed", world)  # type: ignore[misc]
    agent.run("web", "critical")
    assert agent.told() == ["line critical", "line ok"], "nobody has asked the switch since"
    assert ("switch", 0.0) in agent.asked


@pytest.mark.parametrize("until", [30, 3600])
def test_a_check_held_back_before_a_restart_gets_a_run_when_its_silence_ends_or_is_lifted(
    tmp_path: Path, agent: Watched, world: World, until: int
) -> None:
    silence(world, "web", until)
    agent.run("web", "critical")
    agent.killed(tmp_path / "later")
    agent.__init__(tmp_path / "later", world)  # type: ignore[misc]
    agent.passes(20)
    assert agent.asked == []
    world.silences = () if until == 3600 else world.silences
    agent.passes(12)
    assert agent.asked == [("web", 0.0)], "its next turn may be a day away"


def test_a_child_held_back_before_a_restart_is_run_when_its_parent_is_well(
    tmp_path: Path, agent: Watched, world: World
) -> None:
    world.checks = {"line": run_by_agent("line"), "web": run_by_agent("web", depends_on=DependsOn(("line",)))}
    agent.takes(world.orders())
    agent.run("line", "critical")
    world.passes(1000)
    agent.run("web", "critical")
    agent.killed(tmp_path / "later")
    agent.__init__(tmp_path / "later", world)  # type: ignore[misc]
    agent.passes(5)
    agent.asked.clear()
    agent.run("line", "ok")
    agent.passes(2)
    assert ("web", 0.0) in agent.asked
