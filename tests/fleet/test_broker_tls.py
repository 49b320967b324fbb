"""The way to the broker: what the settings name as trusted is trusted, and nothing goes in plain text then."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from agent.api import Duration
from agent.config.settings import EventsSettings
from agent.delivery.handover.connection import Connection, Way
from agent.delivery.handover.courier import Message, Unreachable
from agent.fleet.making import make
from tests.fleet.nats_server import NatsServer

MESSAGE = Message(7, "a" * 32, b"{}")


class Papers:
    """An authority, the server's certificate and a host's, as files."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self.other_ca = folder / "other-ca.pem"
        self.server = folder / "server.pem"
        self.host = folder / "host.pem"
        authority.cert_pem.write_to_path(self.ca)
        trustme.CA().cert_pem.write_to_path(self.other_ca)
        authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(self.server)
        authority.issue_cert("web-1").private_key_and_cert_chain_pem.write_to_path(self.host)

    def tls(self, more: str = "") -> str:
        return f'tls {{ cert_file: "{self.server}", key_file: "{self.server}", ca_file: "{self.ca}"\n{more} }}'


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


def prepare(broker: NatsServer, ca: Path, certificate: Path | None = None) -> None:
    async def work() -> None:
        way = Way(broker.url, "", str(ca), str(certificate or ""), "")
        client = await way.connect(5, "_INBOX.relay")
        await make(client, 1)
        await client.close()

    asyncio.run(work())


def handed(settings: EventsSettings) -> list[int]:
    connection = Connection(settings, "web-1")
    try:
        connection.connect()
        return connection.publish([MESSAGE])
    finally:
        connection.close()


@pytest.mark.parametrize("scheme", ["nats", "tls"])
def test_a_broker_is_trusted_by_the_ca_file(tmp_path: Path, papers: Papers, scheme: str) -> None:
    with NatsServer(tmp_path, papers.tls()) as broker:
        prepare(broker, papers.ca)
        url = broker.url.replace("nats:", f"{scheme}:")
        assert handed(EventsSettings(broker=url, ca_file=str(papers.ca), timeout=Duration(3))) == [7]
        with pytest.raises(Unreachable, match="the server's certificate is not trusted"):
            handed(EventsSettings(broker=url, ca_file=str(papers.other_ca), timeout=Duration(3)))


def test_who_does_not_trust_the_broker_gives_up_and_may_try_again(tmp_path: Path, papers: Papers) -> None:
    """Nobody else bounds what a relay waits for: it would never notice that the certificate was renewed."""

    async def connect(ca: Path) -> None:
        way = Way(broker.url, "", str(ca), "", "")
        client = await asyncio.wait_for(way.connect(5, "_INBOX.x"), 20)
        await client.close()

    with NatsServer(tmp_path, papers.tls()) as broker:
        with pytest.raises(ssl.SSLCertVerificationError):
            asyncio.run(connect(papers.other_ca))
        asyncio.run(connect(papers.ca))


@pytest.mark.parametrize(
    ("broker", "says"),
    [("nats://no-such-host.invalid:4222", "the name cannot be resolved"), ("nats://127.0.0.1:9", "Connection refused")],
)
def test_why_there_is_no_connection_is_said(broker: str, says: str) -> None:
    with pytest.raises(Unreachable, match=says):
        handed(EventsSettings(broker=broker, timeout=Duration(3)))


@pytest.mark.parametrize("scheme", ["nats", "tls"])
def test_nothing_is_handed_over_in_plain_text_where_tls_is_meant(tmp_path: Path, papers: Papers, scheme: str) -> None:
    with NatsServer(tmp_path) as broker:
        url = broker.url.replace("nats:", f"{scheme}:")
        with pytest.raises(Unreachable, match="does not speak TLS"):
            handed(EventsSettings(broker=url, ca_file=str(papers.ca), timeout=Duration(3)))


def test_a_host_may_show_a_certificate_instead_of_a_seed(tmp_path: Path, papers: Papers) -> None:
    allowed = 'publish: ["hostvigil.facts.web-1", "$JS.>"], subscribe: [">"]'
    users = f"authorization {{ users: [ {{ user: web-1, permissions: {{ {allowed} }} }} ] }}"
    with NatsServer(tmp_path, papers.tls("verify_and_map: true") + "\n" + users) as broker:
        with pytest.raises(Unreachable):
            handed(EventsSettings(broker=broker.url, ca_file=str(papers.ca), timeout=Duration(1)))
        settings = EventsSettings(
            broker=broker.url, ca_file=str(papers.ca), client_cert=str(papers.host), timeout=Duration(2)
        )
        connection = Connection(settings, "web-1")
        connection.connect()
        assert connection.connected
        connection.close()


def test_a_sign_of_life_leaves_no_word_in_the_log(
    tmp_path: Path, papers: Papers, caplog: pytest.LogCaptureFixture
) -> None:
    with NatsServer(tmp_path, papers.tls()) as broker:
        settings = EventsSettings(broker=broker.url, ca_file=str(papers.ca), timeout=Duration(3))
        for _ in range(3):
            connection = Connection(settings, "web-1")
            connection.connect()
            connection.beat(b"{}")
            connection.close()
    assert [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"] == []


def test_a_seed_that_is_not_there_is_said(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as broker, pytest.raises(Unreachable, match="No such file"):
        handed(EventsSettings(broker=broker.url, credentials=str(tmp_path / "none"), timeout=Duration(1)))
