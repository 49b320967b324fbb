"""A fleet in a box: simulated hosts, a real broker, real relays, the strict API; storms, kills and pauses."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from agent.delivery.handover.message import ALIVE, FACTS, encode
from agent.model import EventStatus, Notification
from tests.fleet.api import FleetApi
from tests.fleet.hosts import Hosts
from tests.fleet.nats_server import NatsCluster, NatsServer
from tests.fleet.network import Network
from tests.fleet.relay_process import RelayProcess


class Figures(msgspec.Struct):
    """What came of a run."""

    changes: int
    lost: int
    two_texts: int
    out_of_order: int
    above: int
    rejected: int
    requests: int
    repeated: int
    seconds: float
    """From the first change until the last was told."""
    half: float
    """Until half of them were told."""
    relay_cpu: float
    """Seconds of all relays."""
    relay_mb: float

    @property
    def good(self) -> bool:
        return not (self.lost or self.two_texts or self.out_of_order or self.above or self.rejected)


class Box:
    """One fleet on loopback."""

    def __init__(
        self,
        folder: Path,
        keys: int,
        relays: int = 2,
        limits: str = "",
        cluster: bool = False,
        network: Network | None = None,
        **api: Any,
    ) -> None:
        """With a network three brokers and the relays are machines on it; its names are broker-0, relay-0 ..."""
        self.api = FleetApi(keys, **api)
        self.broker: NatsServer | NatsCluster
        if network:
            nodes = ("broker-0", "broker-1", "broker-2")
            self.broker = NatsCluster(folder, [*map(network.address, nodes)], [*map(network.on, nodes)])
        else:
            self.broker = NatsCluster(folder) if cluster else NatsServer(folder)
        names = [f"relay-{number}" for number in range(relays)]
        more = "  replicas: 3\n" if isinstance(self.broker, NatsCluster) else ""
        self.relays = [
            RelayProcess(folder, name, self.broker.url, self.api.url, self.api.keys, more, limits) for name in names
        ]
        if network:
            for relay, name in zip(self.relays, names, strict=True):
                relay.on = network.on(name)
        self.hosts = Hosts(self.broker.url)

    async def run(self, disturb: Callable[[Box], Awaitable[None]], patience: float) -> Figures:
        """Do what `disturb` does, and wait until all is told and receipted, at most `patience` seconds more."""
        with self.api, self.broker:
            for relay in self.relays:
                relay.start()
            handing_over = asyncio.create_task(self.hosts.run())
            try:
                await until(self._at_work, "a relay at work")
                began = time.monotonic()
                await disturb(self)
                end = time.monotonic() + patience
                while self.hosts.left and time.monotonic() < end:
                    await asyncio.sleep(0.1)
                return self._figures(began)
            finally:
                handing_over.cancel()
                await asyncio.gather(handing_over, return_exceptions=True)
                for relay in self.relays:
                    relay.kill()

    def _at_work(self) -> bool:
        """Without relays of its own, the test has some."""
        return not self.relays or any("at work" in relay.output() for relay in self.relays)

    def _figures(self, began: float) -> Figures:
        api = self.api
        moments = sorted(api.told_at.values())
        used = [usage(relay.process.pid) for relay in self.relays if relay.process and relay.process.poll() is None]
        return Figures(
            changes=len(self.hosts.made),
            lost=len(set(self.hosts.made) - set(api.told_at)),
            two_texts=len(api.two_texts()),
            out_of_order=self._out_of_order(),
            above=len(api.above),
            rejected=len(api.rejections),
            requests=len(api.requests),
            repeated=api.repeated(),
            seconds=round(moments[-1] - began, 1) if moments else 0.0,
            half=round(moments[len(moments) // 2] - began, 1) if moments else 0.0,
            relay_cpu=round(sum(cpu for cpu, _ in used), 1),
            relay_mb=max((mb for _, mb in used), default=0.0),
        )

    def _out_of_order(self) -> int:
        last: dict[tuple[str, str], int] = {}
        wrong = 0
        for id_ in self.api.order:
            if id_ not in self.hosts.made:  # the relay itself has something to say of a host
                continue
            host, check, number = self.hosts.made[id_]
            wrong += number < last.get((host, check), 0)
            last[host, check] = number
        return wrong


async def until(true: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Return when something is true; AssertionError when that takes too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.05)


def usage(pid: int) -> tuple[float, float]:
    """Return seconds of processor time and MB of a process."""
    import psutil

    process = psutil.Process(pid)
    times = process.cpu_times()
    return times.user + times.system, round(process.memory_full_info().pss / 1e6, 1)


def storm(hosts: int, seconds: float) -> Callable[[Box], Awaitable[None]]:
    """A site's outage: each host has one change within so many seconds."""

    async def disturb(box: Box) -> None:
        began = time.monotonic()
        for number in range(hosts):
            box.hosts.change(f"host-{number:05}.example.com")
            ahead = began + seconds * number / hosts - time.monotonic()
            if ahead > 0.02:
                await asyncio.sleep(ahead)

    return disturb


def killing(
    changes: int, kills: int, deaths: int, forget: bool, seed: int, cuts: int = 0
) -> Callable[[Box], Awaitable[None]]:
    """A stream of changes in which relays and the broker die and are cut off, and once the broker's disk is lost."""

    async def disturb(box: Box) -> None:
        rng = random.Random(seed)
        what = ["relay"] * kills + ["broker"] * deaths + ["forget"] * forget + ["cut"] * cuts
        rng.shuffle(what)
        for kind in what:
            for _ in range(changes // len(what)):
                box.hosts.change(f"host-{rng.randrange(200)}", rng.choice(["shop", "disk", "mail"]))
                await asyncio.sleep(rng.uniform(0, 2.0 * len(what) / changes))
            if kind == "relay":
                relay = rng.choice(box.relays)
                relay.kill()
                relay.start()
            elif kind == "broker":
                await asyncio.to_thread(box.broker.kill)
                await asyncio.to_thread(box.broker.start)
            elif kind == "cut":
                await asyncio.to_thread(box.broker.pause, 3.0)
            elif isinstance(box.broker, NatsServer):
                await asyncio.to_thread(box.broker.forget_all)

    return disturb


def loud(hosts: int) -> Callable[[Box], Awaitable[None]]:
    """One host has thousands of criticals to tell, and others one warning each."""

    async def disturb(box: Box) -> None:
        for number in range(1500):
            box.hosts.change("loud", f"check-{number}", EventStatus.CRITICAL)
        await asyncio.sleep(2.0)
        for number in range(hosts):
            box.hosts.change(f"quiet-{number}", "disk", EventStatus.WARNING)

    return disturb


async def flood(box: Box, valid: bool) -> None:
    """A hostile host publishes as fast as it can, until cancelled: changes by thousands, or what is none."""
    client = await box.hosts.way.connect(5, "_INBOX.evil")
    number = 0
    try:
        while True:
            for _ in range(100):
                number += 1
                told = Notification(
                    f"f{number:07x}", f"c{number}", "", EventStatus.CRITICAL, time.time_ns() // 10**6, "http"
                )
                await client.publish(f"{FACTS}.evil", encode(msgspec.json.encode(told)) if valid else b"{nonsense")
                await client.publish(f"{ALIVE}.evil", b'{"ttl": 60}')
            await asyncio.sleep(0.002)
    finally:
        await client.close()


def pause(relay: RelayProcess, seconds: float) -> Awaitable[None]:
    """Stop a relay's process, and wake it after a time."""

    async def work() -> None:
        relay.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        relay.signal(signal.SIGCONT)

    return work()


def unplugging(network: Network, changes: int, pulls: int, seed: int) -> Callable[[Box], Awaitable[None]]:
    """A stream of changes in which the cables of relays, brokers and hosts are pulled, one or two at a time."""

    async def disturb(box: Box) -> None:
        for relay in ("relay-0", "relay-1"):
            await network.forward(relay, int(box.api.url.rpartition(":")[2]))
        rng = random.Random(seed)
        for _ in range(pulls):
            for _ in range(changes // pulls):
                box.hosts.change(f"host-{rng.randrange(50)}", rng.choice(["shop", "disk", "mail"]))
                await asyncio.sleep(rng.uniform(0, 0.04))
            names = rng.choice(
                [["relay-0"], ["relay-1"], ["relay-0", "relay-1"], ["broker-0"], ["broker-1"], ["broker-2"], ["here"]]
            )
            pulled = [asyncio.create_task(network.pull_for(name, rng.uniform(3, 9))) for name in names]
            for _ in range(20):
                box.hosts.change(f"host-{rng.randrange(50)}", rng.choice(["shop", "disk", "mail"]))
                await asyncio.sleep(rng.uniform(0, 0.3))
            await asyncio.gather(*pulled)

    return disturb
