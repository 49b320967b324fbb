"""Asks the broker who is at work, for `hostvigil relay status`."""

from __future__ import annotations

from agent.delivery.handover.connection import Way
from agent.fleet.bucket import Bucket
from agent.fleet.lease import Grant
from agent.fleet.settings import RelaySettings
from agent.fleet.streams import GONE

TIMEOUT = 5.0


async def ask(settings: RelaySettings) -> tuple[Grant | None, bytes]:
    """Return who holds the lease and what it said last; nats errors where the broker cannot be asked."""
    way = Way(settings.broker, settings.credentials, settings.ca_file, settings.client_cert, settings.client_key)
    client = await way.connect(TIMEOUT, "_INBOX.relay")
    try:
        bucket = Bucket(client, TIMEOUT)
        grant, _ = await bucket.look()
        return (grant if grant and grant.holder else None), await bucket.status()
    except GONE:
        return None, b""  # no relay has ever run
    finally:
        await client.close()
