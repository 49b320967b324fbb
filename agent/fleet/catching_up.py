"""A relay's own record follows the ledger, and gives back what the ledger has lost."""

from __future__ import annotations

import logging

from agent.fleet.record import Record
from agent.fleet.streams import Fenced, Streams

log = logging.getLogger("hostvigil.relay")


async def catch_up(streams: Streams, record: Record) -> None:
    """Read what other relays wrote; give a ledger that lost some of it what is known here."""
    name, _ = await streams.ledger()
    if record.ledger != name:
        record.begin(name)
    entries = await streams.entries(record.position)
    if streams.last < record.position:
        record.begin(name)
        entries = await streams.entries(0)
    record.take(entries)
    while record.owes:
        try:
            for entry in record.carried():
                await streams.append(entry)
            record.paid()
        except Fenced:
            log.info("another relay writes as well: once more")
        record.take(await streams.entries(record.position))
