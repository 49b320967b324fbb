"""What `hostvigil relay` asks the broker and the relay at work."""

from __future__ import annotations

import msgspec
from nats.errors import NoRespondersError

from agent.delivery.handover.connection import Way
from agent.fleet.bucket import Bucket
from agent.fleet.commands import Command, Reply
from agent.fleet.lease import Grant
from agent.fleet.settings import RelaySettings
from agent.fleet.streams import API_ERRORS, COMMANDS

TIMEOUT = 5.0


async def command(settings: RelaySettings, request: Command) -> Reply | None:
    """Have the relay at work do something; None where none is. nats errors where the broker cannot be asked."""
    client = await _way(settings).connect(TIMEOUT, "_INBOX.relay")
    try:
        answer = await client.request(COMMANDS, msgspec.json.encode(request), timeout=TIMEOUT)
        return msgspec.json.decode(answer.data, type=Reply)
    except NoRespondersError:
        return None
    finally:
        await client.close()


async def ask(settings: RelaySettings) -> tuple[Grant | None, bytes]:
    """Return who holds the lease and what it said last; nats errors where the broker cannot be asked."""
    client = await _way(settings).connect(TIMEOUT, "_INBOX.relay")
    try:
        bucket = Bucket(client, TIMEOUT)
        grant, _ = await bucket.look()
        return (grant if grant and grant.holder else None), await bucket.status()
    except API_ERRORS:
        return None, b""  # no relay has ever run
    finally:
        await client.close()


def _way(settings: RelaySettings) -> Way:
    return Way(settings.broker, settings.credentials, settings.ca_file, settings.client_cert, settings.client_key)
