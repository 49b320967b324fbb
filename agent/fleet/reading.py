"""Reads a stream in NATS from a place on, and on and on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.client import JetStreamContext

BATCH = 500
FORGOTTEN_AFTER = 60.0
"""Seconds without a question after which the broker forgets a reader."""


class StreamMessage(msgspec.Struct, frozen=True):
    """A message of a stream."""

    number: int
    at: float
    """When the broker took it, Unix seconds of its clock."""
    word: str
    """The last word of its subject: of what hosts send, the host's."""
    data: bytes


class Reader:
    """Reads each message once. The relay's loop owns it; methods raise nats errors where the broker is gone."""

    def __init__(self, client: Client, context: JetStreamContext, stream: str, subject: str, first: int) -> None:
        self._client = client
        self._context = context
        self._stream = stream
        self._subject = subject
        self._first = first

    async def batches(self) -> AsyncIterator[list[StreamMessage]]:
        """Yield what there is, then what comes; an empty list after a second in which nothing came."""
        reader = await self._context.pull_subscribe(self._subject, stream=self._stream, config=self._config())
        idle = 0
        try:
            while True:
                messages = await _fetch(reader)
                idle = 0 if messages else idle + 1
                if idle and idle % 5 == 0:
                    await reader.consumer_info()  # an error where the broker has forgotten the reader
                yield [_convert(message) for message in messages]
        finally:
            if self._client.is_connected:
                await reader.unsubscribe()

    def _config(self) -> ConsumerConfig:
        return ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._first,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=FORGOTTEN_AFTER,
        )


async def _fetch(reader: Any) -> list[Msg]:
    try:
        return list(await reader.fetch(BATCH, timeout=1.0))
    except TimeoutError:
        return []


def _convert(message: Msg) -> StreamMessage:
    metadata = message.metadata
    word = message.subject.rpartition(".")[2]
    return StreamMessage(metadata.sequence.stream, metadata.timestamp.timestamp(), word, message.data)
