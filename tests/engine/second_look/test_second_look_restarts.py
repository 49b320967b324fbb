"""Kills and reloads at any moment change nothing of what is told of checks that depend on each other."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from agent.config.settings import DependsOn
from agent.model import Count, FailAfter, Policy
from tests.engine.step_by_step import MEMORY, World
from tests.engine.watched import PLAIN, Watched, run_by_agent
from tests.examples import examples

PARENTS = {"line": (), "switch": ("line",), "web": ("switch",), "db": ("line", "switch")}
Run = tuple[str, str, int]
"""A check, what it says, and how many seconds pass until the next run."""
runs = st.tuples(
    st.sampled_from(list(PARENTS)),
    st.sampled_from(["ok", "critical", "critical", "nodata", "warning"]),
    st.sampled_from([0, 1, 7, 30, 200]),
)


def lasting(seconds: float) -> Policy:
    return Policy(FailAfter(*(Count(seconds=seconds) for _ in range(3))), flapping=None)


def pass_time(agent: Watched, seconds: int, statuses: dict[str, str]) -> None:
    """Let time pass; whoever is to be run says at once what he said before."""
    for _ in range(seconds):
        agent.passes(1)
        names = dict.fromkeys(name for name, _ in agent.asked)
        agent.asked.clear()
        for name in names:
            agent.run(name, statuses.get(name, "ok"))


def told_of(story: list[Run], kills: set[int], reloads: set[int], policies: dict[str, Policy]) -> list[str]:
    """Return what was told of each check, in its order."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world, statuses = World(), dict[str, str]()
        world.checks = {
            name: run_by_agent(name, policies.get(name, PLAIN), depends_on=DependsOn(parents))
            for name, parents in PARENTS.items()
        }
        agent = Watched(Path(folder) / "state", world)
        for number, (name, status, seconds) in enumerate(story):
            agent.run(name, status)
            if number in kills:
                agent.killed(Path(folder) / str(number))
                agent.__init__(Path(folder) / str(number), world)  # type: ignore[misc]
            if number in reloads:
                agent.takes(world.orders())
            statuses[name] = status
            pass_time(agent, seconds, statuses)
        pass_time(agent, 400, statuses)
        told = sorted(agent.told(), key=lambda change: change.split()[0])
        agent.store.close()
        return told


@examples(20)
@given(
    st.lists(runs, max_size=14),
    st.sets(st.integers(0, 13)),
    st.sets(st.integers(0, 13)),
    st.sampled_from([{}, {"web": lasting(10)}, {"db": lasting(20), "web": lasting(5)}]),
)
@example([("switch", "critical", 7), ("line", "critical", 0)], {0}, set(), {})
def test_kills_and_reloads_change_nothing_that_is_told(
    story: list[Run], kills: set[int], reloads: set[int], policies: dict[str, Policy]
) -> None:
    assert told_of(story, kills, reloads, policies) == told_of(story, set(), set(), policies)
