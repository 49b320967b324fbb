"""An agent that looks again, outside of the hourly window, with one check that is pushed and one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.step_by_step import MINUTE, World
from tests.engine.watched import Watched, pushed, run_by_agent


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
