"""What waits for a next result is judged again when a silence, a window, a parent, a span or a repetition is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.api import Check, Duration, PushedCheck
from agent.config.settings import CheckConfig, DependsOn, Maintenance, Place
from agent.engine.recorder.recorder import Recorder
from agent.engine.self_check import BROKEN, NO_RESULT_YET, OWN_NAME, own_check
from agent.engine.suppression.reasons import Suppression
from agent.model import Count, FailAfter, Flapping, Outcome, Policy, Pushed, Result, Silence, Status
from tests.engine.test_model import MINUTE, Agent, Api, World

PLAIN = Policy(flapping=None)
HOURLY = Maintenance("0 * * * *", 600, "UTC")


def pushed(name: str = "backup", policy: Policy = PLAIN, **more: Any) -> CheckConfig:
    return CheckConfig(name, "pushed", PushedCheck(ttl=Duration(90_000)), Place("a.yaml"), policy=policy, **more)


def run_by_agent(name: str, policy: Policy = PLAIN, **more: Any) -> CheckConfig:
    return CheckConfig(name, "none", Check(), Place("a.yaml"), cron="0 0 * * *", policy=policy, **more)


class Watched(Agent):
    """An agent that notes which checks are to run, and in how many seconds."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder, world, Api())
        self.asked: list[tuple[str, float]] = []
        self.recorder = Recorder(
            self.store,
            world.orders(),
            on_events=lambda: None,
            retry=lambda check, seconds: self.asked.append((check, seconds)),
            next_run=lambda check: 0,
            wall=lambda: world.wall,
            monotonic=lambda: world.monotonic,
            rest=0.0,
        )
        self.looks()

    def passes(self, seconds: float) -> None:
        """Let time pass, looking each second."""
        for _ in range(int(seconds)):
            self.world.passes(1000)
            self.looks()

    def push(self, status: str, check: str = "backup", subject: str = "") -> None:
        result = Result(Status(status), f"it is {status}", subject)
        self.takes(Outcome(check, 0, self.world.wall, 0.0, (result,), complete=False, pushed=Pushed.LIVE))

    def run(self, check: str, status: str, began: int = 0) -> None:
        """A run of a tenth of a second, ending now."""
        began = began or self.world.wall - 100
        seconds = (self.world.wall - began) / 1000
        self.takes(Outcome(check, 1, began, seconds, (Result(Status(status), f"it is {status}"),), type="none"))

    def told(self) -> list[str]:
        return [f"{event.check} {event.status}" for event in self.events()]


@pytest.fixture
def world() -> World:
    world = World()
    world.wall = 1_790_000_000_000 - 1_790_000_000_000 % (60 * MINUTE) + 20 * MINUTE  # outside of the hourly window
    world.checks = {"backup": pushed(), "web": run_by_agent("web")}
    return world


@pytest.fixture
def agent(tmp_path: Path, world: World) -> Iterator[Watched]:
    agent = Watched(tmp_path / "state", world)
    yield agent
    agent.store.close()


def silence(world: World, name: str, seconds: int) -> None:
    world.silences = (*world.silences, Silence(name, world.wall, world.wall + seconds * 1000))


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
    pending = agent.recorder._pending
    assert (pending._changes, pending._notes, pending._memories, pending._forgotten) == ([], {}, {}, set())


def test_a_removed_check_leaves_no_memory_that_comes_back(agent: Watched, world: World) -> None:
    remembers = Outcome("web", 1, world.wall, 0.0, (Result(Status.OK, "so"),), memory={"place": 7}, type="none")
    agent.takes(remembers)
    assert agent.store.memories()["web"] == {"place": 7}
    agent.recorder.put(msgspec.structs.replace(remembers, memory={"place": 8}))
    world.checks = {"backup": pushed()}
    agent.takes(world.orders())
    agent.passes(2)
    assert "web" not in agent.store.memories()
