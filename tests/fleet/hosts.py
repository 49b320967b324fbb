"""Thousands of hosts in one process, as the broker sees them: each keeps a change until its receipt, as agents do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from agent.delivery.handover.connection import FAULTS as BROKER_FAULTS
from agent.delivery.handover.connection import Way
from agent.delivery.handover.message import ALIVE, FACTS, FACTS_STREAM, RECEIPTS, Beat, encode, receipts, token
from agent.model import EventStatus, Notification

AT_ONCE = 200
AGAIN = 10.0
"""Seconds; an agent's `republish_after`."""
FAULTS: tuple[type[Exception], ...] = (*BROKER_FAULTS, KeyError)


class Change:
    """One change of a host; `handed_at` is 0 until the broker has it."""

    def __init__(self, host: str, number: int, told: Notification) -> None:
        self.host = host
        self.number = number
        self.told = told
        self.handed_at = 0.0


class Hosts:
    """Publishes what hosts have to tell, over one connection that is made anew when it ends."""

    def __init__(self, url: str) -> None:
        self.way = Way(url, "", "", "", "")
        self._stream = ""
        self.waiting: dict[tuple[str, str], list[Change]] = {}
        self.made: dict[str, tuple[str, str, int]] = {}
        """Every change, by the first letters of its id: host, check and its number there."""
        self._of_id: dict[str, Change] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def change(self, host: str, check: str = "shop", status: EventStatus | None = None) -> None:
        """A subject of a host changes: problem, recovery, problem ..."""
        key = (host, check)
        count = self._counts[key] = self._counts.get(key, 0) + 1
        id_ = f"{len(self.made):08x}" + "0" * 24
        found = status or (EventStatus.CRITICAL if count % 2 else EventStatus.OK)
        at = time.time_ns() // 1_000_000
        told = Notification(
            id_, check, "", found, at, "http", incident="i", summary="HTTP 503", host={"host": host, "os": "linux"}
        )
        self.made[id_[:8]] = (host, check, count)
        made = Change(host, count, told)
        self._of_id[id_] = made
        self.waiting.setdefault(key, []).append(made)

    @property
    def left(self) -> int:
        return len(self._of_id)

    async def run(self) -> None:
        """Hand over until cancelled, whatever becomes of the broker."""
        while True:
            try:
                client = await self.way.connect(4, "_INBOX.hosts")
            except FAULTS:
                await asyncio.sleep(0.2)
                continue
            try:
                await self._work(client)
            except FAULTS:
                await asyncio.sleep(0.2)
            finally:
                await client.close()

    async def beat(self, hosts: Sequence[str], ttl: float) -> None:
        """Give one sign of life of each of these hosts."""
        client = await self.way.connect(4, "_INBOX.hosts")
        for host in hosts:
            await client.publish(f"{ALIVE}.{token(host)}", msgspec.json.encode(Beat(ttl, {"host": host})))
        await client.close()

    async def _work(self, client: Any) -> None:
        await client.subscribe(f"{RECEIPTS}.*", cb=self._receipted)
        stream = client.jetstream(timeout=5)
        answer = await client.request(f"$JS.API.STREAM.INFO.{FACTS_STREAM}", timeout=2)
        created = str(msgspec.json.decode(answer.data)["created"])
        if created != self._stream:
            self._stream = created
            for change in self._of_id.values():
                change.handed_at = 0.0
        while client.is_connected:
            free = self._free(time.monotonic())
            for at in range(0, len(free), AT_ONCE):
                await asyncio.gather(*(self._publish(stream, *one) for one in free[at : at + AT_ONCE]))
            await asyncio.sleep(0.02)

    def _free(self, now: float) -> list[tuple[Change, str]]:
        """Return the first of each subject that is to be handed over, each with the one before it."""
        found = []
        for changes in self.waiting.values():
            before = ""
            for change in changes:
                if not change.handed_at or now > change.handed_at + AGAIN:
                    found.append((change, before))
                    break
                before = change.told.id
        return found

    async def _publish(self, stream: Any, change: Change, before: str) -> None:
        body = encode(msgspec.json.encode(change.told), before)
        subject = f"{FACTS}.{token(change.host)}"
        await stream.publish(subject, body, headers={"Nats-Msg-Id": change.told.id})
        change.handed_at = time.monotonic()

    async def _receipted(self, message: Any) -> None:
        for receipt in receipts(message.data):
            change = self._of_id.pop(receipt.id, None)
            if change:
                key = (change.host, change.told.check)
                self.waiting[key].remove(change)
                if not self.waiting[key]:
                    del self.waiting[key]
