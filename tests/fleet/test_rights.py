"""Rights in the broker: an enrolled host hands over under its own name; a hostile one does nothing else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.js.api import StreamConfig

from agent.api import Duration
from agent.config.settings import EventsSettings
from agent.delivery.handover.connection import Connection, Way
from agent.delivery.handover.courier import Message, Unreachable
from agent.delivery.handover.message import ALIVE, FACTS, FACTS_STREAM, RECEIPTS
from agent.fleet.enrolment import EnrolmentError, enrol
from agent.fleet.intake import sanitise
from agent.fleet.making import ALIVE_STREAM, LEDGER_STREAM, make
from tests.fleet.letters import letter
from tests.fleet.nats_server import NatsServer

INCLUDE = 'include "../state/enrolled/nats-accounts.conf"'
"""nats-server takes it relative to its own file only."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    for host in ("web-1.example.com", "evil"):
        enrol(host, tmp_path / "state")
    return tmp_path / "state" / "enrolled"


def relay_way(broker: NatsServer, state: Path) -> Way:
    return Way(broker.url, str(state / "relay.nk"), "", "", "")


async def prepared(broker: NatsServer, state: Path) -> None:
    client = await relay_way(broker, state).connect(5, "_INBOX.relay")
    await make(client, 1)
    await client.close()


def test_an_enrolled_host_hands_over_under_its_own_name(tmp_path: Path, state: Path) -> None:
    with NatsServer(tmp_path, INCLUDE) as broker:
        asyncio.run(prepared(broker, state))
        seed = state / "host-web-1=2Eexample=2Ecom.nk"
        assert seed.stat().st_mode & 0o777 == 0o600
        good = Connection(EventsSettings(broker=broker.url, credentials=str(seed)), "web-1.example.com")
        good.connect()
        assert good.publish([Message(1, "a" * 32, b"{}")]) == [1]
        good.beat(b"{}")
        assert asyncio.run(alive(broker, state)) == {f"{ALIVE}.web-1=2Eexample=2Ecom": 1}
        good.close()
        wrong = Connection(EventsSettings(broker=broker.url, credentials=str(seed), timeout=Duration(1)), "other")
        wrong.connect()
        denial = (
            "does not let it speak as other: is .*=2Ecom.nk another host's. `hostvigil relay enrol other` makes one"
        )
        with pytest.raises(Unreachable, match=denial):
            wrong.publish([Message(1, "b" * 32, b"{}")])
        wrong.close()
        stranger = Connection(EventsSettings(broker=broker.url, timeout=Duration(1)), "evil")
        with pytest.raises(Unreachable):
            stranger.connect()


async def alive(broker: NatsServer, state: Path) -> dict[str, int] | None:
    relay = await relay_way(broker, state).connect(5, "_INBOX.relay")
    try:
        info = await relay.jetstream().stream_info(ALIVE_STREAM, subjects_filter=f"{ALIVE}.>")
        return info.state.subjects
    finally:
        await relay.close()


def test_a_hostile_host_speaks_as_nobody_else_and_breaks_nothing(tmp_path: Path, state: Path) -> None:
    with NatsServer(tmp_path, INCLUDE) as broker:
        asyncio.run(prepared(broker, state))
        asyncio.run(assert_that_an_attack_reaches_nobody(broker, state))


async def assert_that_an_attack_reaches_nobody(broker: NatsServer, state: Path) -> None:
    relay = await relay_way(broker, state).connect(5, "_INBOX.relay")
    await relay.jetstream().publish(f"{FACTS}.other", b"{}", headers={"Nats-Msg-Id": "1"})
    evil = await Way(broker.url, str(state / "host-evil.nk"), "", "", "").connect(5, "_INBOX.evil")
    heard: list[Any] = []

    async def hear(message: Any) -> None:
        heard.append(message.subject)

    apis = [f"$JS.API.STREAM.{what}.{FACTS_STREAM}" for what in ("DELETE", "PURGE", "UPDATE", "MSG.GET", "MSG.DELETE")]
    apis += [f"$JS.API.CONSUMER.CREATE.{FACTS_STREAM}", f"$JS.API.STREAM.DELETE.{LEDGER_STREAM}", "hostvigil.ledger"]
    for subject in (f"{FACTS}.other", f"{ALIVE}.other", f"{RECEIPTS}.other", "$KV.HOSTVIGIL_RELAY.lease", *apis):
        await evil.publish(subject, b'{"seq": 1}')
        # The broker's acknowledgement goes where the message says: that must do nothing either.
        await evil.publish(f"{FACTS}.evil", b'{"x": 1}', reply=subject)
    for subject in (f"{RECEIPTS}.other", f"{FACTS}.>", "_INBOX.>", "$JS.>", ">"):
        await evil.subscribe(subject, cb=hear)
    await evil.flush()
    await relay.publish(f"{RECEIPTS}.other", b"[]")
    await relay.jetstream().publish(f"{FACTS}.other", b"{}", headers={"Nats-Msg-Id": "2"})
    await evil.flush()
    info = await relay.jetstream().stream_info(FACTS_STREAM, subjects_filter=f"{FACTS}.other")
    assert info.state.subjects == {f"{FACTS}.other": 2}
    assert (await relay.jetstream().stream_info(LEDGER_STREAM)).state.messages == 0
    assert heard == []
    assert await alive(broker, state) is None
    await evil.close()
    await relay.close()


def test_a_host_that_fills_its_quota_leaves_room_for_others(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as broker:
        asyncio.run(assert_that_one_is_refused_and_another_is_not(broker))


async def assert_that_one_is_refused_and_another_is_not(broker: NatsServer) -> None:
    client = await nats.connect(broker.url, error_cb=None)
    stream = client.jetstream()
    await make(client, 1)
    config = (await stream.stream_info(FACTS_STREAM)).config
    assert (config.max_msgs_per_subject, config.discard_new_per_subject) == (2_000, True)
    small = StreamConfig(**{**config.__dict__, "max_msgs_per_subject": 3})
    await stream.update_stream(small)
    for _ in range(3):
        await stream.publish(f"{FACTS}.evil", b"{}")
    with pytest.raises(nats.errors.Error):
        await stream.publish(f"{FACTS}.evil", b"{}")
    await stream.publish(f"{FACTS}.other", b"{}")
    held = await stream.stream_info(FACTS_STREAM, subjects_filter=">")
    assert held.state.subjects == {f"{FACTS}.evil": 3, f"{FACTS}.other": 1}
    await client.close()


def test_facts_are_told_under_the_name_that_the_broker_vouches_for() -> None:
    told = letter("web-1", 1).change
    now = told.at + 1000
    assert sanitise(told, "web-1", now) is told
    assert sanitise(told, "evil=2Eexample", now).host == {"host": "evil.example", "os": "linux"}


def test_enrolling_again_replaces_the_key_and_keeps_the_others(tmp_path: Path) -> None:
    enrol("a", tmp_path)
    before = json.loads((tmp_path / "enrolled" / "keys.json").read_text())
    enrol("b", tmp_path)
    enrol("a", tmp_path)
    after = json.loads((tmp_path / "enrolled" / "keys.json").read_text())
    assert after[""] == before[""] and after["a"] != before["a"] and set(after) == {"", "a", "b"}
    with pytest.raises(EnrolmentError):
        enrol("a b", tmp_path)
    (tmp_path / "enrolled" / "keys.json").write_text("{")
    with pytest.raises(EnrolmentError):
        enrol("c", tmp_path)
