"""What `hostvigil relay` asks the broker and the relay at work."""

from __future__ import annotations

import asyncio
import time

import msgspec
from nats.aio.client import Client
from nats.errors import NoRespondersError

from agent.delivery.handover.connection import Way
from agent.fleet.bucket import Bucket
from agent.fleet.commands import Command, Reply
from agent.fleet.lease import Grant
from agent.fleet.settings import RelaySettings
from agent.fleet.streams import API_ERRORS, COMMANDS

TIMEOUT = 5.0
PATIENCE = 15.0
"""Seconds in which a relay takes over from one that has just learnt that it is not at work."""
PAUSE = 0.3


async def command(settings: RelaySettings, request: Command) -> Reply | None:
    """Have the relay at work do something; None where none is. nats errors where the broker cannot be asked."""
    client = await way_to_broker(settings).connect(TIMEOUT, "_INBOX.relay")
    until = time.monotonic() + PATIENCE
    try:
        reply = await _ask(client, request)
        moving = reply is not None and reply.again
        while moving and (reply is None or reply.again) and time.monotonic() < until:
            await asyncio.sleep(PAUSE)
            reply = await _ask(client, request)
        return reply
    finally:
        await client.close()


async def _ask(client: Client, request: Command) -> Reply | None:
    try:
        answer = await client.request(COMMANDS, msgspec.json.encode(request), timeout=TIMEOUT)
    except NoRespondersError:
        return None
    return msgspec.json.decode(answer.data, type=Reply)


async def ask(settings: RelaySettings) -> tuple[Grant | None, bytes]:
    """Return who holds the lease and what it said last; nats errors where the broker cannot be asked."""
    client = await way_to_broker(settings).connect(TIMEOUT, "_INBOX.relay")
    try:
        bucket = Bucket(client, TIMEOUT)
        grant, _ = await bucket.look()
        return (grant if grant and grant.holder else None), await bucket.status()
    except API_ERRORS:
        return None, b""  # no relay has ever run
    finally:
        await client.close()


def way_to_broker(settings: RelaySettings) -> Way:
    """Return how a relay, and who asks it, reach the broker."""
    return Way(settings.broker, settings.credentials, settings.ca_file, settings.client_cert, settings.client_key)
