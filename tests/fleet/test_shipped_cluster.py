"""The shipped cluster really starts: three machines with nats-server.conf, TLS and rights; so does compose.yaml's."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import trustme
import yaml

from agent.api import Duration
from agent.config.settings import EventsSettings
from agent.delivery.handover.connection import FAULTS, Connection, Way
from agent.delivery.handover.courier import Message, Unreachable
from agent.fleet.enrolment import ACCOUNTS, enrol
from agent.fleet.making import make
from agent.fleet.streams import API_ERRORS
from tests.fleet.network import Network
from tests.host import needs

SHIPPED = Path(__file__).parent.parent.parent / "packaging" / "relay"
NAMES = ("nats-1", "nats-2", "nats-3")
Processes = dict[str, subprocess.Popen[bytes]]
NOT_YET: tuple[type[Exception], ...] = (*FAULTS, *API_ERRORS, Unreachable)
"""What a cluster answers that is about to start."""
T = TypeVar("T")


@contextmanager
def running(
    network: Network, commands: Mapping[str, Sequence[str]], folder: Path
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    found: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                found[name] = subprocess.Popen((*network.on(name), *command), stdout=log, stderr=log)
        yield found
    finally:
        for process in found.values():
            process.kill()
            process.wait(10)


def eventually(work: Callable[[], T], folder: Path, seconds: float = 60) -> T:
    """Return what the work returns as soon as the servers let it."""
    until = time.monotonic() + seconds
    while True:
        try:
            return work()
        except NOT_YET as error:
            logs = "".join((folder / f"{name}.log").read_text()[-2000:] for name in NAMES)
            assert time.monotonic() < until, f"{error}\n{logs}"
            time.sleep(0.1)


def prepare(way: Way) -> None:
    async def work() -> None:
        client = await way.connect(5, "_INBOX.relay")
        try:
            await make(client, 3)
        finally:
            await client.close()

    asyncio.run(work())


def hand_over(settings: EventsSettings, id_: str) -> list[int]:
    """Return the numbers of the messages that the cluster has taken."""
    connection = Connection(settings, "web-1.example.com")
    try:
        connection.connect()
        taken = connection.publish([Message(1, id_ * 32, b"{}")])
        connection.beat(b'{"ttl": 60}')
        return list(taken)
    finally:
        connection.close()


def configured(network: Network, folder: Path, name: str, authority: trustme.CA) -> list[str]:
    own = folder / name
    own.mkdir()
    authority.cert_pem.write_to_path(own / "ca.pem")
    certificate = authority.issue_cert(network.address(name), f"{name}.example.com")
    certificate.private_key_pem.write_to_path(own / "server.key")
    for part in certificate.cert_chain_pems:
        part.write_to_path(own / "server.pem", append=True)
    (own / ACCOUNTS).write_text((folder / "state" / "enrolled" / ACCOUNTS).read_text())
    text = (SHIPPED / "nats-server.conf").read_text().replace("server_name: nats-1", f"server_name: {name}")
    for other in NAMES:
        text = text.replace(f"{other}.example.com", network.address(other))
    text = text.replace("/etc/nats", str(own)).replace("/var/lib/nats", f"{own}/data")
    (own / "nats-server.conf").write_text(text)
    return [needs.command("nats-server", "nats-server"), "-c", str(own / "nats-server.conf")]


def test_three_servers_as_shipped_take_what_an_enrolled_host_hands_over(tmp_path: Path) -> None:
    enrol("web-1.example.com", tmp_path / "state")
    seeds, authority = tmp_path / "state" / "enrolled", trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with Network(*NAMES) as network:
        commands = {name: configured(network, tmp_path, name, authority) for name in NAMES}
        url = ",".join(f"tls://{network.address(name)}:4222" for name in NAMES)
        settings = EventsSettings(
            broker=url,
            credentials=str(seeds / "host-web-1=2Eexample=2Ecom.nk"),
            ca_file=str(tmp_path / "ca.pem"),
            timeout=Duration(3),
        )
        with running(network, commands, tmp_path) as servers:
            way = Way(url, str(seeds / "relay.nk"), str(tmp_path / "ca.pem"), "", "")
            eventually(lambda: prepare(way), tmp_path)
            assert eventually(lambda: hand_over(settings, "a"), tmp_path) == [1]
            servers["nats-1"].kill()
            assert eventually(lambda: hand_over(settings, "b"), tmp_path) == [1]
            with pytest.raises(FAULTS):
                prepare(Way(url, "", str(tmp_path / "ca.pem"), "", ""))


def test_what_the_compose_file_runs_is_a_cluster(tmp_path: Path) -> None:
    services = yaml.safe_load((SHIPPED / "compose.yaml").read_text())["services"]
    with Network(*NAMES) as network:
        commands: dict[str, Sequence[str]] = {}
        for name in NAMES:
            text = services[name]["command"].replace("/data", f"{tmp_path}/{name}")
            for other in NAMES:
                text = text.replace(f"nats://{other}:", f"nats://{network.address(other)}:")
            commands[name] = [needs.command("nats-server", "nats-server"), *shlex.split(text)]
        url = ",".join(f"nats://{network.address(name)}:4222" for name in NAMES)
        with running(network, commands, tmp_path):
            eventually(lambda: prepare(Way(url, "", "", "", "")), tmp_path)
            settings = EventsSettings(broker=url, timeout=Duration(3))
            assert eventually(lambda: hand_over(settings, "a"), tmp_path) == [1]
