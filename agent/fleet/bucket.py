"""The bucket in NATS in which relays say who is at work."""

from __future__ import annotations

import msgspec
from nats.aio.client import Client
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from agent.fleet.lease import Grant, Lease
from agent.fleet.making import BUCKET

LEASE = "lease"
STATUS = "status"


class Bucket:
    """The relay's loop owns it; methods raise nats errors where the broker is gone."""

    def __init__(self, client: Client, timeout: float) -> None:
        self._stream = client.jetstream(timeout=timeout)

    async def look(self) -> tuple[Grant | None, int]:
        """Return who holds the lease, and the broker's number of that."""
        bucket = await self._bucket()
        try:
            entry = await bucket.get(LEASE)
            return msgspec.json.decode(entry.value or b"", type=Grant), entry.revision or 0
        except (KeyNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return None, 0

    async def ask(self, lease: Lease, now: float) -> int | None:
        """Write the request for the lease, made at `now` (monotonic seconds); None where somebody else was faster."""
        bucket, value = await self._bucket(), msgspec.json.encode(lease.request(now))
        try:
            if lease.revision:
                return await bucket.update(LEASE, value, last=lease.revision)
            return await bucket.create(LEASE, value)
        except KeyWrongLastSequenceError:
            return None

    async def release(self, lease: Lease) -> None:
        """Let the next one have it at once."""
        if lease.grant:
            await (await self._bucket()).update(LEASE, msgspec.json.encode(lease.grant.release()), last=lease.revision)

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
