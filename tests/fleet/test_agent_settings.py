"""`agent.events.broker` stands instead of an endpoint, and off this host the broker has to know the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.sections.destination import MAIN
from agent.config.types.catalog import Catalog
from agent.delivery.emitters import destinations

CHECK = "checks: {load: {type: load}}\n"


def problems(folder: Path, events: str) -> list[str]:
    (folder / "a.yaml").write_text(f"agent: {{events: {{{events}}}}}\n{CHECK}")
    return [problem.text for problem in load(folder, Catalog(), {}).problems]


@pytest.mark.parametrize(
    "events",
    [
        "broker: 'nats://127.0.0.1:4222'",
        "broker: 'nats://[::1]:4222, nats://localhost:4223'",
        "broker: 'tls://nats.example.com', credentials: /etc/hostvigil/broker.nk, ca_file: /ca.pem",
        "broker: 'nats://nats.example.com:4222', client_cert: /c.pem, republish_after: 10s",
        "broker: 'nats://127.0.0.1', heartbeat: 5m",
    ],
)
def test_a_broker_is_a_destination_of_its_own(tmp_path: Path, events: str) -> None:
    assert problems(tmp_path, events) == []
    (told,) = destinations(load(tmp_path, Catalog(), {}).agent)
    assert told.name == MAIN
    problems(tmp_path, "endpoint: 'https://x.example', api_key: k")
    (api,) = destinations(load(tmp_path, Catalog(), {}).agent)
    assert api.identity != told.identity


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ("broker: 'http://127.0.0.1'", "is not an address, write for example nats://"),
        ("broker: 'nats://127.0.0.1, nats:'", "is not an address"),
        ("broker: 'nats://u:p@127.0.0.1'", "must be without user and password"),
        ("broker: 'nats://127.0.0.1', republish_after: 1s", "must be between 10s and 1d"),
        ("broker: 'nats://127.0.0.1', heartbeat: 1s", "must be between 10s and 1d"),
        ("broker: 'nats://127.0.0.1', endpoint: 'https://x.example', api_key: k", "does not go with `broker`"),
        ("broker: 'tls://nats.example.com'", "needs 'credentials' beside it"),
        ("credentials: /f", "needs 'broker' beside it"),
    ],
)
def test_what_cannot_be_is_said_at_its_place(tmp_path: Path, events: str, said: str) -> None:
    found = problems(tmp_path, events)
    assert found and said in found[0]
