"""A store with the main destination, a clock that the test moves, and an agent in a house."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store import Store
from tests.delivery.deliveries import Clock, opened
from tests.delivery.houses import House
from tests.processes.agent_process import agent_process


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with agent_process(tmp_path) as agent:
        yield House(tmp_path, agent)
