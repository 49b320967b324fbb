"""What the relay has in NATS: the stream of facts, the ledger, the lease. Nothing else of the relay knows NATS."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    KeyValueConfig,
    StorageType,
    StreamConfig,
)
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from agent.delivery.handover.message import FACTS, FACTS_STREAM, MEMORY, MESSAGE_BYTES, RECEIPTS, Receipt
from agent.fleet.lease import Grant, Lease
from agent.fleet.ledger import Entry, decode, encode

log = logging.getLogger("hostvigil.relay")

LEDGER = "hostvigil.ledger"
LEDGER_STREAM = "HOSTVIGIL_LEDGER"
BUCKET = "HOSTVIGIL_RELAY"
LEASE = "lease"
STATUS = "status"
QUOTA = 2_000
"""Changes that the broker keeps of one host; what is more waits on the host."""
DUPLICATE_SECONDS = 60.0
"""Below the shortest usual `republish_after`: what is handed over again must reach the relay."""
LEDGER_SECONDS = 7 * 86400.0
BATCH = 500
RECEIPTS_IN_ONE = 500
DELETES_AT_ONCE = 100
WRONG_LAST_SEQUENCE = 10071
IN_USE = 10058
"""The stream is there with another configuration: somebody tuned it."""


class Fenced(Exception):
    """Another relay wrote meanwhile: this one is at work no more."""


class Streams:
    """One relay's view of the broker. The relay's loop owns it; methods raise nats errors where it is gone."""

    def __init__(self, client: Client, timeout: float) -> None:
        self._client = client
        self._stream: JetStreamContext = client.jetstream(timeout=timeout)
        self._last = 0

    @property
    def last(self) -> int:
        """Return the number of the ledger's last entry, as this relay knows it."""
        return self._last

    async def prepare(self, replicas: int) -> None:
        """Make what is missing."""
        shared: dict[str, Any] = {"storage": StorageType.FILE, "num_replicas": replicas}
        facts = StreamConfig(
            name=FACTS_STREAM,
            subjects=[f"{FACTS}.*"],
            discard=DiscardPolicy.NEW,
            discard_new_per_subject=True,
            max_msgs_per_subject=QUOTA,
            max_msg_size=MESSAGE_BYTES + 1024,
            duplicate_window=DUPLICATE_SECONDS,
            **shared,
        )
        ledger = StreamConfig(name=LEDGER_STREAM, subjects=[LEDGER], max_age=LEDGER_SECONDS, **shared)
        for config in (facts, ledger):
            try:
                await self._stream.add_stream(config)
            except APIError as error:
                if error.err_code != IN_USE:
                    raise
        try:
            await self._stream.key_value(BUCKET)
        except BucketNotFoundError:
            await self._stream.create_key_value(KeyValueConfig(bucket=BUCKET, history=1, replicas=replicas))
        name = (await self._created(FACTS_STREAM)).encode()

        async def answer(request: Msg) -> None:
            await request.respond(name)

        await self._client.subscribe(MEMORY, queue="relays", cb=answer)

    # --- the lease ---------------------------------------------------------------------------------------------------

    async def look(self) -> tuple[Grant | None, int]:
        """Return who holds the lease, and the broker's number of that."""
        bucket = await self._bucket()
        try:
            entry = await bucket.get(LEASE)
            return msgspec.json.decode(entry.value or b"", type=Grant), entry.revision or 0
        except (KeyNotFoundError, msgspec.MsgspecError):
            return None, 0

    async def ask(self, lease: Lease, now: float) -> int | None:
        """Write the request for the lease; None where somebody else was faster."""
        bucket, wanted = await self._bucket(), msgspec.json.encode(lease.request(now))
        try:
            if lease.revision:
                return await bucket.update(LEASE, wanted, last=lease.revision)
            return await bucket.create(LEASE, wanted)
        except KeyWrongLastSequenceError:
            return None

    async def release(self, lease: Lease) -> None:
        """Let the next one have it at once."""
        if lease.grant:
            await (await self._bucket()).update(LEASE, msgspec.json.encode(lease.grant.released()), last=lease.revision)

    async def say_status(self, status: bytes) -> None:
        await (await self._bucket()).put(STATUS, status)

    async def status(self) -> bytes:
        """Return what the relay at work said last; empty where none did."""
        try:
            return (await (await self._bucket()).get(STATUS)).value or b""
        except (KeyNotFoundError, BucketNotFoundError):
            return b""

    async def _bucket(self) -> KeyValue:
        return await self._stream.key_value(BUCKET)

    # --- the ledger --------------------------------------------------------------------------------------------------

    async def ledger(self) -> tuple[str, float]:
        """Return what names this ledger, and when it was begun, Unix seconds of the broker's clock."""
        created = await self._created(LEDGER_STREAM)
        moment = datetime.fromisoformat(created[:19]).replace(tzinfo=UTC)
        return created, moment.timestamp()

    async def _created(self, stream: str) -> str:
        answer = await self._client.request(f"$JS.API.STREAM.INFO.{stream}", timeout=5)
        return str(json.loads(answer.data)["created"])

    async def entries(self, after: int) -> list[tuple[int, float, Entry]]:
        """Return the entries after a number; with the last one begins what this relay may add."""
        info = await self._stream.stream_info(LEDGER_STREAM)
        self._last = info.state.last_seq
        found: list[tuple[int, float, Entry]] = []
        if info.state.messages and self._last > after:
            async for number, at, data, _ in self._read(LEDGER_STREAM, LEDGER, after + 1):
                try:
                    found.append((number, at, decode(data)))
                except msgspec.MsgspecError as error:
                    log.error("an entry of the ledger cannot be read (is another version at work?): %s", error)
                if number >= self._last:
                    break
        return found

    async def append(self, entry: Entry) -> int:
        """Write an entry, if nobody wrote one since; Fenced if somebody did. Returns its number."""
        headers = {"Nats-Expected-Last-Sequence": str(self._last)}
        try:
            answer = await self._stream.publish(LEDGER, encode(entry), headers=headers, stream=LEDGER_STREAM)
        except APIError as error:
            if error.err_code == WRONG_LAST_SEQUENCE:
                raise Fenced("another relay is at work") from None
            raise
        self._last = answer.seq
        return answer.seq

    # --- facts and receipts ------------------------------------------------------------------------------------------

    async def facts(self) -> AsyncIterator[tuple[int, str, bytes]]:
        """Yield all that hosts handed over and hand over: number, host's word, message."""
        async for number, _, data, subject in self._read(FACTS_STREAM, f"{FACTS}.*", 1):
            yield number, subject.removeprefix(f"{FACTS}."), data

    async def delete(self, numbers: Sequence[int]) -> None:
        """Take facts out of the broker."""
        for at in range(0, len(numbers), DELETES_AT_ONCE):
            await asyncio.gather(*map(self._delete, numbers[at : at + DELETES_AT_ONCE]))

    async def _delete(self, number: int) -> None:
        wanted = json.dumps({"seq": number, "no_erase": True}).encode()
        await self._client.request(f"$JS.API.STREAM.MSG.DELETE.{FACTS_STREAM}", wanted, timeout=5)

    async def receipt(self, host: str, receipts: Sequence[Receipt]) -> None:
        for at in range(0, len(receipts), RECEIPTS_IN_ONE):
            message = msgspec.json.encode(receipts[at : at + RECEIPTS_IN_ONE])
            await self._client.publish(f"{RECEIPTS}.{host}", message)

    async def _read(self, stream: str, subject: str, first: int) -> AsyncIterator[tuple[int, float, bytes, str]]:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=first,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=30.0,
        )
        reader = await self._stream.pull_subscribe(subject, stream=stream, config=config)
        idle = 0
        try:
            while True:
                try:
                    messages = await reader.fetch(BATCH, timeout=1.0)
                except TimeoutError:
                    idle += 1
                    if idle % 5 == 0:
                        await reader.consumer_info()  # an error where the broker has forgotten the reader
                    continue
                idle = 0
                for message in messages:
                    found = message.metadata
                    yield found.sequence.stream, found.timestamp.timestamp(), message.data, message.subject
        finally:
            if self._client.is_connected:
                await reader.unsubscribe()


GONE: tuple[type[Exception], ...] = (APIError, NotFoundError)


def by_host(receipts: Iterable[tuple[str, Receipt]]) -> dict[str, list[Receipt]]:
    found: dict[str, list[Receipt]] = {}
    for host, receipt in receipts:
        found.setdefault(host, []).append(receipt)
    return found
