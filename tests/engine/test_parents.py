"""Who must have spoken before a problem is told: its parents, and theirs."""

from __future__ import annotations

import msgspec
import pytest

from agent.api import Check
from agent.config.settings import CheckConfig, DependsOn, Place
from agent.engine.recorder.parents import LONGEST_SECONDS, ParentRuns, above, patience
from agent.engine.recorder.second_look import POLL_SECONDS, SecondLooks
from agent.engine.staleness import SLACK_SECONDS
from agent.engine.state.transition import apply_result
from agent.model import Count, EventStatus, FailAfter, Outcome, Policy, Result, State, Status
from agent.store import LastRun

STEADY = Policy(flapping=None)
TWICE = Policy(FailAfter(Count(2), Count(2), Count(2)), flapping=None)


def check(name: str, *parents: str, policy: Policy = STEADY, timeout: float = 10.0) -> CheckConfig:
    return CheckConfig(
        name, "none", Check(), Place("a.yaml"), timeout=timeout, policy=policy, depends_on=DependsOn(parents)
    )


CHECKS = {one.name: one for one in (check("line"), check("router", "line"), check("web", "router"), check("other"))}


def known(**began: int) -> ParentRuns:
    runs = [LastRun(name, "", Result(Status.OK, "well"), at + 500, 0.5, 0) for name, at in began.items()]
    parents = ParentRuns({}, runs)
    parents.configure(CHECKS)
    return parents


def names(checks: list[CheckConfig]) -> list[str]:
    return sorted(one.name for one in checks)


def ran(name: str, at: int) -> Outcome:
    return Outcome(name, 1, at, 0.1, (Result(Status.OK, "well"),), type="none")


def test_the_parents_of_parents_count_and_nobody_twice_nor_the_check_itself() -> None:
    assert names(above("web", CHECKS)) == ["line", "router"]
    circle = {**CHECKS, "line": check("line", "web", "router", "nobody")}
    assert names(above("web", circle)) == ["line", "router"]
    assert above("other", CHECKS) == []


@pytest.mark.parametrize(
    ("decided", "result", "counts"),
    [
        (Status.OK, Status.CRITICAL, True),
        (Status.WARNING, Status.NODATA, True),
        (Status.OK, Status.WARNING, False),
        (Status.CRITICAL, Status.CRITICAL, False),
        (Status.OK, Status.OK, False),
    ],
)
def test_a_parent_that_counted_before_a_restart_counts_after_it(decided: Status, result: Status, counts: bool) -> None:
    run = LastRun("router", "/a", Result(result, "so"), 500, 0.5, 0)
    parents = ParentRuns({"router": {"/a": State("router", "/a", decided=decided)}}, [run])
    parents.configure(CHECKS)
    assert (names(parents.pending_parents("web", 0)) == ["router"]) is counts


def test_only_parents_are_remembered() -> None:
    parents = known(line=1, router=1, web=1)
    assert [name for name in CHECKS if parents.is_one(name)] == ["line", "router"]
    assert parents.depends("web", "line")
    assert not parents.depends("router", "web")
    assert not parents.depends("nobody", "line")


def test_a_parent_has_answered_with_a_run_that_began_no_earlier() -> None:
    parents = known(line=100, router=99)
    assert names(parents.pending_parents("web", 100)) == ["router"]
    parents.note_run(ran("router", 100))
    assert parents.pending_parents("web", 100) == []
    assert names(parents.pending_parents("web", 101)) == ["line", "router"]
    assert parents.pending_parents("other", 101) == []


def test_what_the_agent_itself_says_of_a_parent_is_no_run() -> None:
    parents = known(line=100, router=100)
    parents.note_run(msgspec.structs.replace(ran("router", 200), type=""))
    assert names(parents.pending_parents("web", 150)) == ["line", "router"]


def test_a_parent_that_is_forgotten_has_said_nothing() -> None:
    parents = known(line=100, router=100)
    parents.note_step(apply_result(State("router", decided=Status.OK), Result(Status.CRITICAL, "down"), TWICE, 100))
    parents.note_step(apply_result(State("line", decided=Status.OK), Result(Status.CRITICAL, "down"), TWICE, 100))
    parents.forget("router")
    parents.note_run(ran("router", 100))
    assert names(parents.pending_parents("web", 100)) == ["line"], "the count of the other one goes on"
    parents.forget("line")
    assert names(parents.pending_parents("web", 1)) == ["line"]


def test_a_parent_that_counts_towards_a_problem_has_not_answered_until_it_is_decided() -> None:
    parents = known(line=100, router=100)
    state = State("router", decided=Status.OK)
    step = apply_result(state, Result(Status.CRITICAL, "down"), TWICE, 100)
    parents.note_step(step)
    assert names(parents.pending_parents("web", 100)) == ["router"]
    parents.note_step(apply_result(step.state, Result(Status.CRITICAL, "down"), TWICE, 200))
    assert parents.pending_parents("web", 100) == []


@pytest.mark.parametrize(
    ("decided", "status"),
    [(Status.OK, Status.WARNING), (Status.CRITICAL, Status.OK), (Status.CRITICAL, Status.NODATA)],
)
def test_a_parent_that_counts_towards_anything_but_a_problem_has_answered(decided: Status, status: Status) -> None:
    parents = known(line=100, router=100)
    parents.note_step(apply_result(State("router", decided=decided), Result(status, "so"), TWICE, 100))
    assert parents.pending_parents("web", 100) == []


def test_what_is_known_of_parents_outlives_a_reload_and_of_others_nothing_does() -> None:
    def reloaded(*between: dict[str, CheckConfig]) -> ParentRuns:
        parents = known(line=300, router=300)
        parents.note_step(apply_result(State("line", decided=Status.CRITICAL), Result(Status.OK, "up"), STEADY, 400))
        parents.note_step(
            apply_result(State("line", "a", decided=Status.OK), Result(Status.CRITICAL, "down"), TWICE, 400)
        )
        for checks in (*between, CHECKS):
            parents.configure(checks)
        return parents

    kept = reloaded()
    assert names(kept.pending_parents("web", 300)) == ["line", "router"], (
        "one still counts, the other saw it while it was down"
    )
    kept.note_run(ran("router", 400))
    assert names(kept.pending_parents("web", 300)) == ["line"]
    forgotten = reloaded({})
    for name in ("line", "router"):
        forgotten.note_run(ran(name, 300))
    assert forgotten.pending_parents("web", 300) == []


def test_what_a_parent_said_while_its_own_was_down_says_nothing_once_that_is_well() -> None:
    parents = known(line=300, router=250)
    parents.note_step(apply_result(State("line", decided=Status.CRITICAL), Result(Status.OK, "well"), STEADY, 260))
    assert names(parents.pending_parents("web", 100)) == ["router"]
    parents.note_run(ran("router", 260))
    assert parents.pending_parents("web", 100) == []
    parents.forget("line")
    parents.note_run(ran("line", 300))
    parents.note_run(ran("router", 200))
    assert parents.pending_parents("web", 100) == [], "a parent that is forgotten was never down"


def test_a_new_problem_waits_as_long_as_the_slowest_parent_may_take_and_a_recovery_for_nobody() -> None:
    parents = known(line=0, router=0)
    until = 1000 + round(1000 * patience(CHECKS["router"]))
    (reason,) = parents.waits("web", None, 1000, 1000)
    assert (reason.text, reason.until) == ("waits for router, line, which it depends on", until)
    assert parents.waits("web", None, 1000, until - 1)
    assert parents.waits("web", None, 1000, until) == ()
    assert parents.waits("web", None, 1000, 999) == (), "a clock set back does not have it wait for hours"
    assert parents.waits("web", State("web", notified=EventStatus.CRITICAL), 1000, 1000) == ()
    held = State("web", notified=EventStatus.OK, suppressed_since=500)
    assert parents.waits("web", held, 1000, 1000)[0].until == until - 500


@pytest.mark.parametrize(
    ("parent", "seconds"),
    [
        (check("p", timeout=10.0), 10.0),
        (check("p", timeout=3.0, policy=TWICE), 3.0 + 60.0),
        (msgspec.structs.replace(check("p", timeout=3.0, policy=TWICE), retry_interval=5.0), 3.0 + 5.0),
        (check("p", policy=Policy(FailAfter(Count(), Count(seconds=20.0), Count()))), 10.0 + 20.0),
        (check("p", policy=Policy(FailAfter(Count(9), Count(), Count(3)))), 10.0 + 120.0),
    ],
)
def test_a_parent_may_take_its_runs_until_it_is_decided(parent: CheckConfig, seconds: float) -> None:
    assert parent.interval == 60.0
    assert patience(parent) == seconds + SLACK_SECONDS


def test_nobody_waits_for_longer_than_five_minutes() -> None:
    parents = ParentRuns({}, ())
    parents.configure({"slow": check("slow", timeout=3000.0), "web": check("web", "slow")})
    assert parents.waits("web", None, 1000, 1000)[0].until == 1000 + LONGEST_SECONDS * 1000


@pytest.mark.parametrize(
    ("ends", "at"), [((5000, 3000), 102.0), ((0, 4000), 103.0), ((500,), 100.0), ((0,), None), ((), None)]
)
def test_what_waits_is_looked_at_again_when_the_first_reason_ends(ends: tuple[int, ...], at: float | None) -> None:
    looks = SecondLooks()
    looks.wait("web", "/", ends, 1000, 100.0)
    assert looks.next_look == min(at or 1e9, 100.0 + POLL_SECONDS), "or when somebody lifts a silence"
    assert looks.due(at or 1e9, round((at or 1e9) * 1000), lambda: None) == ([("web", "/")] if at else [])
    assert looks.list_suppressed() == [("web", "/")]
