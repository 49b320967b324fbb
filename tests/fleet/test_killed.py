"""Relays and brokers that die and are cut off; the long series are `make fleet`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fleet.simulator import Box, killing

NO_LIMIT = ", rate_limit: 6000/min, workspace_limit: 6000/min"


def test_kills_of_relays_and_broker_lose_nothing_and_repeat_only_byte_for_byte(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=3, limits=NO_LIMIT, per_key=6000, per_workspace=6000)
    figures = asyncio.run(box.run(killing(600, kills=6, deaths=2, forget=True, seed=1, cuts=1), patience=120))
    assert figures.good, figures


def test_three_nodes_of_which_one_dies_at_a_time_lose_nothing(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=3, limits=NO_LIMIT, cluster=True, per_key=6000, per_workspace=6000)
    figures = asyncio.run(box.run(killing(300, kills=2, deaths=2, forget=False, seed=2, cuts=1), patience=120))
    assert figures.good, figures
