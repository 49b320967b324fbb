"""Facts in: what hosts hand over comes into the mailbox, each change once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from agent.fleet.holding import Holding
from agent.fleet.intake import parse_message
from agent.fleet.journal import Journal
from agent.fleet.ledger import NotesUpdate
from agent.fleet.mailbox import Letter, Mailbox
from agent.fleet.quota import Late, Quota
from agent.fleet.receipts import Receipts
from agent.fleet.streams import Streams
from agent.plugin.clock import wall_clock

log = logging.getLogger("hostvigil.relay")

LATE_PAUSE = 0.5


class TakingIn:
    """The relay's loop owns it; methods raise nats errors where the broker is gone."""

    def __init__(
        self,
        streams: Streams,
        journal: Journal,
        mailbox: Mailbox,
        receipts: Receipts,
        holding: Holding,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """`wake` is called when there is something new to tell."""
        self._streams = streams
        self._journal = journal
        self._mailbox = mailbox
        self._receipts = receipts
        self._holding = holding
        self._wake = wake
        self._clock = clock
        self._quota = Quota()

    async def run(self) -> None:
        """Take in what there is and what comes, until cancelled."""
        async for message in self._streams.facts():
            await asyncio.sleep(0)  # a thousand at once must not keep the lease from being renewed
            late = Late(message.number, message.at, message.word)
            if self._quota.passes(late, self._clock()):
                await self._look(late, message.data)

    async def run_late(self) -> None:
        """Look at what is beyond a host's quota, in its own time, until cancelled."""
        while True:
            for late in self._quota.due(self._clock()):
                if (data := await self._streams.fact(late.number)) is not None:
                    await self._look(late, data)
            await asyncio.sleep(LATE_PAUSE)

    async def _look(self, late: Late, data: bytes) -> None:
        try:
            change, after = parse_message(data, late.word, wall_clock())
        except ValueError as error:
            log.warning("a message of %s is thrown away: %s", late.word, error)
            await self._receipts.drop([late.number])
            return
        await self._take(Letter(late.word, late.number, change, after, self._clock(), round(late.at * 1000)))

    async def _take(self, letter: Letter) -> None:
        record = self._journal.record
        if parent := self._holding.parent(letter):
            await self._journal.write(NotesUpdate(parents=(parent,)))
        if record.is_told(letter.name):
            await self._receipts.repeat_receipt(letter)
        elif self._mailbox.holds(letter.name):
            await self._receipts.drop([letter.number])  # handed over again: one is enough
        else:
            self._mailbox.put(letter, record.is_told)
            if letter.name in record.members:
                self._mailbox.take([letter])
            self._wake()
