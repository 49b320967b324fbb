"""Real relays and a real broker: a host that is silent is told once, whoever of the others is away meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.fleet.nats_server import NatsServer
from tests.fleet.simulator import Box

NO_LIMIT = ", rate_limit: 6000/min, workspace_limit: 6000/min"
TTL = 10.0
HOSTS = ("a.example", "b.example", "c.example")


class Signs:
    """Hosts of a box give signs of life, but those that are silent."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.silent: set[str] = set()

    async def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            await self._box.hosts.beat([host for host in HOSTS if host not in self.silent], TTL)
            await asyncio.sleep(1.0)

    def told(self) -> list[tuple[str, str]]:
        """Host and status of each event about a host itself, as the API was told them."""
        found = map(json.loads, self._box.api.requests)
        bodies = {body["customTags"]["event_id"]: body for body in found}
        return [
            (body["customTags"]["host"], body["status"])
            for body in bodies.values()
            if body["customTags"].get("check_type") == "heartbeat"
        ]


def test_a_silent_host_is_told_once_whatever_dies_and_nobody_else(tmp_path: Path) -> None:
    box = Box(tmp_path, keys=1, limits=NO_LIMIT, per_key=6000, per_workspace=6000)
    signs = Signs(box)

    async def disturb(box: Box) -> None:
        await signs.wait(8)
        await asyncio.to_thread(box.broker.pause, TTL + 4)
        await signs.wait(6)
        assert signs.told() == [], "the broker was away, and the hosts were not"
        signs.silent.add("b.example")
        await signs.wait(60, lambda: bool(signs.told()))
        await signs.wait(8)
        for relay in box.relays:
            relay.kill()
            relay.start()
        assert isinstance(box.broker, NatsServer)
        await asyncio.to_thread(box.broker.forget_all)
        await signs.wait(TTL + 12)
        assert signs.told() == [("b.example", "nodata")], "told once, whoever is at work"
        signs.silent.clear()
        await signs.wait(60, lambda: len(signs.told()) > 1)
        await signs.wait(6)

    figures = asyncio.run(box.run(disturb, patience=0))
    assert signs.told() == [("b.example", "nodata"), ("b.example", "ok")]
    assert not figures.rejected and not figures.two_texts
