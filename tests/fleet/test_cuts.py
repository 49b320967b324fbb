"""Real cuts of the network: cables of relays, brokers and hosts are pulled while changes are told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fleet.network import Network
from tests.fleet.simulator import Box, unplugging

NO_LIMIT = ", rate_limit: 6000/min, workspace_limit: 6000/min"
MACHINES = ("broker-0", "broker-1", "broker-2", "relay-0", "relay-1")


def test_pulled_cables_lose_nothing_and_make_no_second_text(tmp_path: Path) -> None:
    with Network(*MACHINES) as network:
        box = Box(tmp_path, keys=3, limits=NO_LIMIT, network=network, per_key=6000, per_workspace=6000)
        try:
            figures = asyncio.run(box.run(unplugging(network, 100, 4, seed=5), patience=120))
        finally:
            network.hang_up()
    assert figures.good, figures
