"""A crash loop shows, and a restart by hand is none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Context, Duration, Result, Status
from agent.plugin.results import gather
from checks.docker import Docker
from checks.docker.api import Container
from checks.docker.restarts import count_restarts
from tests.checks.docker_engine import Engine, collected, container, human, inspection, serving


class Life:
    """A container as its starts make it, seen by the check at the times of its looks."""

    def __init__(self, folder: Path, made: float = 0.0, counts: bool = True) -> None:
        self.made, self.starts, self.count, self.counts = made, [made], 0, counts
        self.engine = Engine()
        self.memory: dict[str, Any] = {}
        self.path = folder / "docker.sock"

    def start(self, at: float, by_hand: bool = False) -> None:
        self.starts.append(at)
        self.count = 0 if by_hand else self.count + 1

    def look(self, now: float, state: str = "running") -> Result:
        up = now - self.starts[-1]
        said = f"Up {human(up)}" if state == "running" else "Restarting (1) 5 seconds ago"
        self.engine.containers = [container("web", state, said) | {"Created": self.made}]
        if self.counts:
            self.engine.inspected = dict([inspection("web", restarts=self.count)])
        with serving(self.path, self.engine) as path:
            context = Context(timeout=5, memory=self.memory, wall=lambda: now)
            found = {one.subject: one for one in gather(asyncio.run(collected(Docker(socket=path), context)))}
        self.path.unlink()
        return found["web"]


@pytest.mark.parametrize("counts", [True, False], ids=["told by the container", "told by the list alone"])
@pytest.mark.parametrize("runs_for", [3.0, 25.0, 200.0])
def test_a_crash_loop_shows_whatever_the_moment_of_the_look(counts: bool, runs_for: float, tmp_path: Path) -> None:
    life, told = Life(tmp_path, made=-90_000.0, counts=counts), []
    began = next_start = 10_000.0
    life.look(began)
    for now in (began + 60.0 * number for number in range(1, 16)):
        while next_start < now - 1:
            life.start(next_start)
            next_start += runs_for
        told.append(life.look(now))
    assert told[-1].status in (Status.WARNING, Status.CRITICAL)
    assert "restarted" in told[-1].summary
    quiet = life.look(next_start + 2000)
    assert quiet.status is Status.OK, "what lasted for longer than the window is over"


def test_what_a_container_is_was_said_before_its_restarts_are_asked_for(tmp_path: Path) -> None:
    """An engine that then never answers costs the restarts, not the status."""
    engine = Engine(container("web", "running", "Up 3 seconds"))

    async def questions_until_the_status(path: str) -> list[str]:
        async for one in Docker(socket=path).run(Context(timeout=5)):
            if isinstance(one, Result) and one.subject == "web":
                return [*engine.questions]
        raise AssertionError

    async def all_questions(path: str) -> list[str]:
        await collected(Docker(socket=path), Context(timeout=5))
        return engine.questions

    with serving(tmp_path / "docker.sock", engine) as path:
        before, after = asyncio.run(questions_until_the_status(path)), asyncio.run(all_questions(path))
    assert [question.partition("?")[0] for question in before] == ["/containers/json"] * 2
    assert any(question.endswith("/json") and "?" not in question for question in after), "it does ask"


def test_a_crash_loop_shows_to_a_fresh_agent_where_the_container_is_young(tmp_path: Path) -> None:
    life = Life(tmp_path, made=100.0)
    for number in range(12):
        life.start(110.0 + 10 * number)
    assert life.look(225.0).status is Status.CRITICAL
    old = Life(tmp_path, made=-1e6)
    for number in range(12):
        old.start(-1e5 + number)
    assert old.look(-1e5 + 14).status is Status.OK, "when those restarts were is not known"


def test_the_restarts_of_a_container_that_waits_for_its_next_one_are_kept(tmp_path: Path) -> None:
    life = Life(tmp_path, made=-1e6)
    life.look(0.0)
    for number in range(1, 6):
        life.start(60.0 * number - 3)
        life.look(60.0 * number, state="restarting" if number % 2 else "running")
    life.start(358.0)
    assert life.look(360.0).status is not Status.OK


def test_restarts_by_hand_are_no_crash_loop(tmp_path: Path) -> None:
    life = Life(tmp_path, made=-1e6)
    life.look(0.0)
    for number in range(1, 8):
        life.start(60.0 * number - 3, by_hand=True)
        assert life.look(60.0 * number).status is Status.OK


@given(st.lists(st.floats(1, 5000), min_size=1, max_size=20))
def test_a_container_that_runs_on_is_never_taken_for_a_restarted_one(steps: list[float]) -> None:
    memory: dict[str, Any] = {}
    now = 0.0
    for step in steps:
        now += step
        one = Container("1", Status=f"Up {human(now)}", Created=-1e9)
        assert asyncio.run(count_restarts(memory, one, unasked, now, 900)) == 0


async def unasked() -> None:
    return None


def test_no_time_in_which_something_counts_is_refused() -> None:
    ((_, text),) = Docker(restarts_within=Duration(0)).problems()
    assert "0s counts nothing" in text
