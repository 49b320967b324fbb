"""What the relay reads from NATS and writes to it: facts, signs of life, the ledger, receipts."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from agent.delivery.handover.message import ALIVE, FACTS, FACTS_STREAM, RECEIPTS, Receipt
from agent.fleet.ledger import Entry, decode, encode
from agent.fleet.making import ALIVE_STREAM, LEDGER, LEDGER_STREAM, fetch_creation_time
from agent.fleet.reading import Reader, StreamMessage

log = logging.getLogger("hostvigil.relay")

COMMANDS = "hostvigil.commands"
RECEIPTS_IN_ONE = 500
DELETES_AT_ONCE = 100
WRONG_LAST_SEQUENCE = 10071


class WriteConflict(Exception):
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

    # --- the ledger --------------------------------------------------------------------------------------------------

    async def ledger(self) -> tuple[str, float]:
        """Return what names this ledger, and when it was begun, Unix seconds of the broker's clock."""
        name = await fetch_creation_time(self._client, LEDGER_STREAM)
        return name, datetime.fromisoformat(name[:19]).replace(tzinfo=UTC).timestamp()

    async def entries(self, after: int) -> list[tuple[int, float, Entry]]:
        """Return the entries after a number; with the last one begins what this relay may add."""
        info = await self._stream.stream_info(LEDGER_STREAM)
        self._last = info.state.last_seq
        entries: list[tuple[int, float, Entry]] = []
        if info.state.messages and self._last > after:
            async for messages in self._reader(LEDGER_STREAM, LEDGER, after + 1).batches():
                entries += _decode_entries(messages)
                if messages and messages[-1].number >= self._last:
                    break
        return entries

    async def append(self, entry: Entry) -> int:
        """Write an entry, if nobody wrote one since; WriteConflict if somebody did. Returns its number."""
        headers = {"Nats-Expected-Last-Sequence": str(self._last)}
        try:
            answer = await self._stream.publish(LEDGER, encode(entry), headers=headers, stream=LEDGER_STREAM)
        except APIError as error:
            if error.err_code == WRONG_LAST_SEQUENCE:
                raise WriteConflict("another relay is at work") from None
            raise
        self._last = answer.seq
        return answer.seq

    # --- facts and receipts ------------------------------------------------------------------------------------------

    async def facts(self) -> AsyncIterator[StreamMessage]:
        """Yield all that hosts handed over and hand over."""
        async for messages in self._reader(FACTS_STREAM, f"{FACTS}.*", 1).batches():
            for message in messages:
                yield message

    async def fact(self, number: int) -> bytes | None:
        """Return one message of a host; None where it is gone."""
        try:
            return (await self._stream.get_msg(FACTS_STREAM, number)).data or b""
        except NotFoundError:
            return None

    async def signs_of_life(self, pause: float) -> AsyncIterator[list[StreamMessage]]:
        """Yield the last sign of each host, then every `pause` seconds those that came since, of each host the last.

        So a host that floods the broker costs no more here than any other.
        """
        batches, position = self._reader(ALIVE_STREAM, f"{ALIVE}.*", 1).batches(), 0
        while True:
            last = (await self._stream.stream_info(ALIVE_STREAM)).state.last_seq
            signs: list[StreamMessage] = []
            while position < last and (batch := await anext(batches)):
                signs += batch
                position = batch[-1].number
            yield signs
            await asyncio.sleep(pause)

    async def hand_in(self, host: str, id_: str, message: bytes) -> None:
        """Add to the facts what the relay itself has to say of a host."""
        await self._stream.publish(f"{FACTS}.{host}", message, headers={"Nats-Msg-Id": id_}, stream=FACTS_STREAM)

    async def forget(self, host: str) -> None:
        """Take a host's sign of life out of the broker."""
        await self._stream.purge_stream(ALIVE_STREAM, subject=f"{ALIVE}.{host}")

    async def delete(self, numbers: Sequence[int]) -> None:
        """Take facts out of the broker."""
        for at in range(0, len(numbers), DELETES_AT_ONCE):
            await asyncio.gather(*map(self._delete, numbers[at : at + DELETES_AT_ONCE]))

    async def _delete(self, number: int) -> None:
        request = json.dumps({"seq": number, "no_erase": True}).encode()
        await self._client.request(f"$JS.API.STREAM.MSG.DELETE.{FACTS_STREAM}", request, timeout=5)

    async def receipt(self, host: str, receipts: Sequence[Receipt]) -> None:
        """Tell a host which of its facts were taken over."""
        for at in range(0, len(receipts), RECEIPTS_IN_ONE):
            message = msgspec.json.encode(receipts[at : at + RECEIPTS_IN_ONE])
            await self._client.publish(f"{RECEIPTS}.{host}", message)

    async def commands(self) -> AsyncIterator[Msg]:
        """Yield what people ask of the relay at work."""
        subscription = await self._client.subscribe(COMMANDS)
        try:
            async for message in subscription.messages:
                yield message
        finally:
            if self._client.is_connected:
                await subscription.unsubscribe()

    def _reader(self, stream: str, subject: str, first: int) -> Reader:
        return Reader(self._client, self._stream, stream, subject, first)


def _decode_entries(messages: Iterable[StreamMessage]) -> Iterator[tuple[int, float, Entry]]:
    for message in messages:
        try:
            yield message.number, message.at, decode(message.data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.error("an entry of the ledger cannot be read (is another version at work?): %s", error)


API_ERRORS: tuple[type[Exception], ...] = (APIError, NotFoundError)


def by_host(receipts: Iterable[tuple[str, Receipt]]) -> dict[str, list[Receipt]]:
    """Return the receipts of each host, in their order."""
    groups: dict[str, list[Receipt]] = {}
    for host, receipt in receipts:
        groups.setdefault(host, []).append(receipt)
    return groups
