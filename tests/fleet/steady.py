"""Ten thousand hosts that are well: what their signs of life cost the relay at work and the broker."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import psutil

from agent.delivery.handover.message import ALIVE, Beat, token
from tests.fleet.simulator import Box, usage

MOST_CORE, MOST_MB = 0.10, 80.0


class Steady(msgspec.Struct):
    """What was measured."""

    hosts: int
    seconds: float
    signs: int
    """In that time."""
    core: float
    """Part of a core that the relay at work took."""
    mb: float
    standby_core: float
    standby_mb: float
    broker_core: float
    events: int
    """Told; there is nothing to tell."""

    @property
    def good(self) -> bool:
        return self.core < MOST_CORE and self.mb < MOST_MB and not self.events


def steady(hosts: int, every: float, seconds: float, folder: Path) -> Steady:
    return asyncio.run(_measured(Box(folder, 1), hosts, every, seconds))


async def _measured(box: Box, hosts: int, every: float, seconds: float) -> Steady:
    with box.api, box.broker:
        for relay in box.relays:
            relay.start()
        await asyncio.sleep(3)
        count = [0]
        beating = asyncio.create_task(_beat(box, hosts, every, count))
        try:
            await asyncio.sleep(every + 20)  # each host is known, and the notes are written
            pids = [relay.process.pid for relay in box.relays if relay.process] + [_broker()]
            before, began, signs = [usage(pid)[0] for pid in pids], time.monotonic(), count[0]
            await asyncio.sleep(seconds)
            took = time.monotonic() - began
            after = [usage(pid) for pid in pids]
            cores = [round((cpu - was) / took, 4) for (cpu, _), was in zip(after, before, strict=True)]
            work, rest = sorted((core, after[at][1]) for at, core in enumerate(cores[:2]))[::-1]
            told = len(box.api.requests)
            return Steady(hosts, round(took, 1), count[0] - signs, *work, *rest, cores[2], told)
        finally:
            beating.cancel()
            for relay in box.relays:
                relay.kill()


class Fallen(msgspec.Struct):
    """What became of hosts that all fell silent at once."""

    hosts: int
    ttl: float
    told: int
    """Of them, those that were told as not heard of, each once."""
    back: int
    """And those that were told as heard of again."""
    seconds: float
    """From the last sign until the last of them was told."""
    events: int
    rejected: int

    @property
    def good(self) -> bool:
        return self.told == self.back == self.hosts and not self.rejected and self.seconds < self.ttl + 120


def fallen(hosts: int, every: float, folder: Path) -> Fallen:
    return asyncio.run(_fallen(Box(folder, 10), hosts, every))


async def _fallen(box: Box, hosts: int, every: float) -> Fallen:
    with box.api, box.broker:
        for relay in box.relays:
            relay.start()
        await asyncio.sleep(3)
        try:
            await _beat_for(box, hosts, every, every + 15)
            last = time.monotonic()
            told = await _told(box, hosts, last + 3 * every + 180)
            seconds = time.monotonic() - last
            beating = asyncio.create_task(_beat_for(box, hosts, every, 180))
            both = await _told(box, 2 * hosts, time.monotonic() + 170)
            beating.cancel()
            events, rejected = len(box.api.requests), len(box.api.rejections)
            return Fallen(hosts, 3 * every, told, both - told, round(seconds, 1), events, rejected)
        finally:
            for relay in box.relays:
                relay.kill()


async def _told(box: Box, enough: int, until: float) -> int:
    while len(box.api.told_at) < enough and time.monotonic() < until:
        await asyncio.sleep(0.5)
    return len(box.api.told_at)


async def _beat_for(box: Box, hosts: int, every: float, seconds: float) -> None:
    beating = asyncio.create_task(_beat(box, hosts, every, [0]))
    await asyncio.sleep(seconds)
    beating.cancel()


def _broker() -> int:
    own = psutil.Process().children()
    return next(one.pid for one in own if one.name() == "nats-server")


async def _beat(box: Box, hosts: int, every: float, count: list[int]) -> None:
    names = [f"host-{number:05}.example.com" for number in range(hosts)]
    tags = {"env": "prod", "site": "berlin", "team": "shop"}
    client = await box.hosts.way.connect(5, "_INBOX.hosts")
    began = time.monotonic()
    while True:
        name = names[count[0] % hosts]
        about = {"host": name, "host_ip": "10.1.2.3", "os": "linux", "os_version": "Debian 12", "arch": "x86_64"}
        await client.publish(f"{ALIVE}.{token(name)}", msgspec.json.encode(Beat(3 * every, about, tags)))
        count[0] += 1
        ahead = began + count[0] * every / hosts - time.monotonic()
        if ahead > 0.02:
            await asyncio.sleep(ahead)
