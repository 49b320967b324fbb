"""Makes in NATS what the relay needs and does not find there."""

from __future__ import annotations

import json
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy, KeyValueConfig, StorageType, StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import APIError, BucketNotFoundError

from agent.delivery.handover.message import ALIVE, ALIVE_BYTES, FACTS, FACTS_STREAM, MEMORY, MESSAGE_BYTES

ALIVE_STREAM = "HOSTVIGIL_ALIVE"
LEDGER = "hostvigil.ledger"
LEDGER_STREAM = "HOSTVIGIL_LEDGER"
BUCKET = "HOSTVIGIL_RELAY"
QUOTA = 2_000
"""Changes that the broker keeps of one host; what is more waits on the host."""
DUPLICATE_SECONDS = 60.0
"""Below the shortest usual `republish_after`: what is handed over again must reach the relay."""
DAY = 86400.0
LEDGER_SECONDS = 7 * DAY
IN_USE = 10058
"""The stream is there with another configuration: somebody tuned it."""


async def make(client: Client, replicas: int, timeout: float = 5.0) -> None:
    """Make the streams and the bucket, and answer hosts that ask for the name of the broker's memory."""
    stream: JetStreamContext = client.jetstream(timeout=timeout)
    for config in (_facts(), _alive(), _ledger()):
        config.num_replicas = replicas
        try:
            await stream.add_stream(config)
        except APIError as error:
            if error.err_code != IN_USE:
                raise
    try:
        await stream.key_value(BUCKET)
    except BucketNotFoundError:
        await stream.create_key_value(KeyValueConfig(bucket=BUCKET, history=1, replicas=replicas))
    name = (await fetch_creation_time(client, FACTS_STREAM)).encode()

    async def answer(request: Msg) -> None:
        await request.respond(name)

    await client.subscribe(MEMORY, queue="relays", cb=answer)


def _facts() -> StreamConfig:
    per_host: dict[str, Any] = {"discard_new_per_subject": True, "max_msgs_per_subject": QUOTA}
    return StreamConfig(
        name=FACTS_STREAM,
        subjects=[f"{FACTS}.*"],
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_msg_size=MESSAGE_BYTES + 1024,
        duplicate_window=DUPLICATE_SECONDS,
        **per_host,
    )


def _alive() -> StreamConfig:
    """The last sign of life of each host. In memory: who lives says so again."""
    return StreamConfig(
        name=ALIVE_STREAM,
        subjects=[f"{ALIVE}.*"],
        storage=StorageType.MEMORY,
        max_msgs_per_subject=1,
        max_msg_size=ALIVE_BYTES,
        max_age=DAY,
    )


def _ledger() -> StreamConfig:
    return StreamConfig(name=LEDGER_STREAM, subjects=[LEDGER], storage=StorageType.FILE, max_age=LEDGER_SECONDS)


async def fetch_creation_time(client: Client, stream: str) -> str:
    """Return when a stream was made, in the broker's words: this tells it from other streams of the same name."""
    answer = await client.request(f"$JS.API.STREAM.INFO.{stream}", timeout=5)
    return str(json.loads(answer.data)["created"])
