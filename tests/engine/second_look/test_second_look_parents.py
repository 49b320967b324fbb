"""A problem waits for its parents, which are run at once, and is told when they are well."""

from __future__ import annotations

import pytest

from agent.config.settings import DependsOn
from agent.model import Count, FailAfter, Policy
from tests.engine.step_by_step import World
from tests.engine.watched import Watched, pushed, run_by_agent

# --- parents ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def family(agent: Watched, world: World) -> Watched:
    """A grandparent, a parent, and two children of which one is pushed."""
    world.checks = {
        one.name: one
        for one in (
            run_by_agent("p"),
            run_by_agent("c", depends_on=DependsOn(("p",))),
            run_by_agent("g", depends_on=DependsOn(("c",))),
            pushed(depends_on=DependsOn(("c",))),
        )
    }
    agent.takes(world.orders())
    for name in ("p", "c", "g"):
        agent.run(name, "ok")
    agent.push("ok")
    world.passes(1000)
    return agent


def test_a_problem_waits_for_its_parents_which_are_run_at_once(family: Watched, world: World) -> None:
    family.run("g", "critical")
    assert family.told() == []
    assert sorted(family.asked) == [("c", 0.0), ("p", 0.0)]
    world.passes(500)
    family.run("p", "ok")
    family.run("c", "ok")
    assert family.asked[-1] == ("g", 0.0), "a fresh run says whether it is still so"
    family.run("g", "critical")
    assert family.told() == ["g critical"]


def test_a_parent_that_is_down_suppresses_also_what_is_two_steps_below(family: Watched, world: World) -> None:
    family.run("g", "critical")
    family.push("critical")
    world.passes(500)
    family.run("p", "critical")
    family.passes(400)
    family.run("g", "critical")
    assert family.told() == ["p critical"]
    family.asked.clear()
    world.passes(500)
    family.run("p", "ok")
    assert {check for check, _ in family.asked} == {"c"}, "what c said while p was down says nothing"
    assert family.told() == ["p critical", "p ok"]
    world.passes(500)
    family.run("c", "ok")
    assert ("g", 0.0) in family.asked
    assert family.told() == ["p critical", "p ok", "backup critical"], "of what is pushed there is no fresh result"


def test_a_pushed_problem_that_is_over_when_the_parent_is_well_is_not_told(family: Watched, world: World) -> None:
    family.push("critical")
    world.passes(500)
    family.run("p", "critical")
    family.push("ok")
    family.run("p", "ok")
    assert family.told() == ["p critical", "p ok"]


def test_a_run_of_the_parent_that_began_before_says_nothing_and_it_is_asked_again(
    family: Watched, world: World
) -> None:
    before = world.wall - 900
    family.run("g", "critical")
    asked = len(family.asked)
    family.run("c", "ok", began=before)
    assert family.told() == []
    assert ("c", 0.0) in family.asked[asked:]


def test_a_parent_that_still_counts_is_waited_for(agent: Watched, world: World) -> None:
    slow = Policy(FailAfter(critical=Count(3)), flapping=None)
    world.checks = {
        "p": run_by_agent("p", slow, retry_interval=10.0),
        "c": run_by_agent("c", depends_on=DependsOn(("p",))),
    }
    agent.takes(world.orders())
    agent.run("c", "critical")
    for _ in range(3):
        agent.passes(5)
        agent.run("p", "critical")
        agent.run("c", "critical")
    assert agent.told() == ["p critical"]


def test_a_parent_that_does_not_answer_is_waited_for_no_longer_than_it_may_take(family: Watched, world: World) -> None:
    family.push("critical")
    family.passes(14)
    assert family.told() == []
    family.passes(2)
    assert family.told() == ["backup critical"]


def test_a_recovery_waits_for_no_parent(family: Watched, world: World) -> None:
    family.push("critical")
    family.passes(20)
    family.push("ok")
    assert family.told() == ["backup critical", "backup ok"]


def test_the_first_ok_of_a_parent_suppresses_nothing(agent: Watched, world: World) -> None:
    world.checks = {"p": run_by_agent("p"), "c": run_by_agent("c", depends_on=DependsOn(("p",)))}
    agent.takes(world.orders())
    began = world.wall - 5000
    agent.run("p", "ok", began=began + 100)  # its ok is news of this moment, later than the child's begin
    agent.run("c", "critical", began=began)
    assert agent.told() == ["c critical"]
