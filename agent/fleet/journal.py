"""The ledger in the broker and this relay's own record of it, written as one."""

from __future__ import annotations

import asyncio
import logging

from agent.fleet.ledger import Entry, Takeover
from agent.fleet.making import DAY
from agent.fleet.record import Record
from agent.fleet.streams import Streams, WriteConflict

log = logging.getLogger("hostvigil.relay")


class Journal:
    """What relays know together. The relay's loop owns it; methods raise nats errors where the broker is gone."""

    def __init__(self, streams: Streams, record: Record) -> None:
        self._streams = streams
        self.record = record
        self._writing = asyncio.Lock()

    async def begin(self, holder: str, epoch: int) -> float:
        """Begin to write, as nobody else may from then on; return the ledger's age in seconds."""
        await self.catch_up()
        await self._streams.append(Takeover(holder, epoch))
        await self.catch_up()
        _, started_at = await self._streams.ledger()
        return max(0.0, self.record.read_until - started_at)

    async def write(self, entry: Entry) -> None:
        """Write into the ledger and the own copy of it; WriteConflict where another relay did meanwhile."""
        async with self._writing:
            number = await self._streams.append(entry)
            self.record.take([(number, self.record.broker_clock(), entry)])

    async def keep_notes(self) -> None:
        """Write the notes as a whole once a day: the ledger forgets what is older than a week."""
        if self.record.notes_saved_at + DAY < self.record.broker_clock():
            for entry in list(self.record.notes.all()):
                await self.write(entry)

    async def catch_up(self) -> None:
        """Read what other relays wrote; give a ledger that lost some of it what is known here."""
        name, _ = await self._streams.ledger()
        if self.record.ledger != name:
            self.record.begin(name)
        entries = await self._streams.entries(self.record.position)
        if self._streams.last < self.record.position:
            self.record.begin(name)
            entries = await self._streams.entries(0)
        self.record.take(entries)
        while self.record.owes:
            await self._pay()

    async def _pay(self) -> None:
        try:
            for entry in self.record.export_entries():
                await self._streams.append(entry)
            self.record.clear_debt()
        except WriteConflict:
            log.info("another relay writes as well: once more")
        self.record.take(await self._streams.entries(self.record.position))
