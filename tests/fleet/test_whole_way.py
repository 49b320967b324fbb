"""The whole way: real agents, a real broker, two real relays, the strict API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.nats_server import NatsServer
from tests.fleet.relay_process import RelayProcess, hostvigil
from tests.processes.agent_process import AgentProcess, agent_process
from tests.stand_ins.api import ApiStandIn


def eventually(true: Callable[[], Any], what: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{what} did not happen within {seconds}s"
        time.sleep(0.05)


class Fleet:
    """Three agents, a broker, two relays and the API."""

    def __init__(self, folder: Path, api: ApiStandIn, broker: NatsServer, agents: list[AgentProcess]) -> None:
        self.folder = folder
        self.api = api
        self.broker = broker
        self.agents = agents
        limits = ", rate_limit: 6000/min, workspace_limit: 6000/min"
        self.relays = [RelayProcess(folder, f"relay-{n}", broker.url, api.url, [api.key], limits=limits) for n in "ab"]

    def start(self) -> None:
        self.relays[0].start()
        eventually(lambda: self.relays[0].log.exists() and "at work" in self.relays[0].output(), "a relay at work")
        self.relays[1].start()
        for number, agent in enumerate(self.agents):
            agent.write(
                "agent.yaml",
                f"agent:\n  hostname: web-{number}.example.com\n  events: {{broker: '{self.broker.url}',"
                f" republish_after: 10s}}\n"
                f"checks:\n  flag: {{type: file, path: {self.folder}/flag-{number}, expect: absent, interval: 1s}}\n",
            )
            agent.start()

    def flag(self, number: int, up: bool) -> None:
        path = self.folder / f"flag-{number}"
        if up:
            path.touch()
        else:
            path.unlink()

    def told(self, number: int) -> list[str]:
        """The statuses that the API heard of a host, each event once."""
        once = {event["customTags"]["event_id"]: event for event in self.api.accepted}
        host = f"web-{number}.example.com"
        return [event["status"] for event in once.values() if event["customTags"].get("host") == host]

    def settled(self) -> bool:
        return all(agent.status()["outbox"]["count"] == 0 for agent in self.agents)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    folders = [tmp_path / f"agent-{number}" for number in range(3)]
    for folder in folders:
        folder.mkdir()
    with (
        ApiStandIn() as api,
        NatsServer(tmp_path) as broker,
        agent_process(folders[0]) as a,
        agent_process(folders[1]) as b,
        agent_process(folders[2]) as c,
    ):
        made = Fleet(tmp_path, api, broker, [a, b, c])
        try:
            yield made
        finally:
            for relay in made.relays:
                relay.kill()


def test_changes_of_three_hosts_are_told_whatever_dies(fleet: Fleet) -> None:
    fleet.start()
    for number in range(3):
        fleet.flag(number, up=True)
    eventually(lambda: [fleet.told(number) for number in range(3)] == [["critical"]] * 3, "the problems are told")
    eventually(fleet.settled, "the receipts have come")
    fleet.relays[0].kill()
    fleet.broker.kill()
    fleet.flag(0, up=False)
    fleet.broker.start()
    eventually(lambda: fleet.told(0) == ["critical", "ok"], "the recovery, by the other relay")
    fleet.broker.forget_all()
    fleet.flag(1, up=False)
    eventually(lambda: fleet.told(1) == ["critical", "ok"], "the recovery, through a broker without memory")
    fleet.relays[1].kill()
    fleet.flag(2, up=False)
    fleet.relays[0].start()
    eventually(lambda: fleet.told(2) == ["critical", "ok"], "the recovery, by the first relay")
    eventually(fleet.settled, "all receipts have come")
    assert fleet.api.rejections == []
    bodies: dict[str, set[bytes]] = {}
    for raw in fleet.api.requests:
        bodies.setdefault(json.loads(raw)["customTags"]["event_id"], set()).add(raw)
    assert all(len(texts) == 1 for texts in bodies.values()), "repeated only byte for byte"


def test_status_says_who_is_at_work(fleet: Fleet) -> None:
    relay = fleet.relays[0]
    assert hostvigil(relay, "status", "--json").returncode == 1
    relay.start()

    def status() -> Any:
        done = hostvigil(relay, "status", "--json")
        return json.loads(done.stdout)["status"] if done.returncode == 0 else None

    eventually(status, "a status")
    assert status()["waiting"] == 0 and len(status()["keys"]) == 1
    assert relay.stop() == 0
    fleet.relays[1].start()
    eventually(lambda: "at work" in fleet.relays[1].output(), "the next begins at once")
