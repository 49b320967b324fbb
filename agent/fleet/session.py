"""One relay at work, from winning the lease to losing it: facts in, requests out, receipts back."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from agent.fleet.attempts import Attempts
from agent.fleet.commands import Commands
from agent.fleet.intake import taken_in
from agent.fleet.journal import Journal
from agent.fleet.ledger import Noted
from agent.fleet.lives import Lives
from agent.fleet.mailbox import Letter, Mailbox
from agent.fleet.quota import Late, Quota
from agent.fleet.receipts import Receipts
from agent.fleet.record import Record
from agent.fleet.requests import Requests
from agent.fleet.sieve import Sieve
from agent.fleet.streams import Streams
from agent.fleet.telling import Telling

log = logging.getLogger("hostvigil.relay")

LATE = 15.0
"""Seconds within which a request without an answer may be counted by the API as of now."""

LATE_PAUSE = 0.5


class Session:
    """Tells what hosts hand over. The relay's loop owns it; its clock's seconds run on while the machine sleeps."""

    def __init__(
        self, streams: Streams, record: Record, requests: Requests, sieve: Sieve, clock: Callable[[], float]
    ) -> None:
        self._streams = streams
        self._record = record
        self._clock = clock
        self.budget = requests.budget
        self.sieve = sieve
        self.mailbox = Mailbox()
        self._quota = Quota()
        self._receipts = Receipts(streams, self.mailbox)
        self._journal = Journal(streams, record)
        self._lives = Lives(streams, self._journal, clock)
        self._commands = Commands(streams, self._journal, self._lives)
        attempts = Attempts(random.Random())  # noqa: S311 - jitter needs no secrecy
        self._telling = Telling(self._journal, self.mailbox, requests, self._receipts, attempts, sieve, clock)

    async def run(self, holder: str, epoch: int, unknown_minute: float) -> None:
        """Work until cancelled, fenced, or the broker is gone.

        `unknown_minute`: seconds that nothing is sent after a ledger began: what was sent before it is unknown.
        """
        age = await self._journal.begin(holder, epoch)
        self._remember()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take_in())
            tasks.create_task(self._take_in_late())
            tasks.create_task(self._lives.run())
            tasks.create_task(self._commands.run())
            await self._telling.run(tasks, max(0.0, unknown_minute - age))

    def _remember(self) -> None:
        """Count what was sent before, of whichever relay; a request without an answer may be counted only now."""
        now, broker_now = self._clock(), self._record.read_until
        unfinished = len(self._record.intents) > 0
        self.budget.remember(
            (key, now if unfinished and broker_now - at < LATE else now - max(0.0, broker_now - at))
            for key, at in self._record.requests()
        )

    async def _take_in(self) -> None:
        async for one in self._streams.facts():
            await asyncio.sleep(0)  # a thousand at once must not keep the lease from being renewed
            late = Late(one.number, one.at, one.word)
            if self._quota.passes(late, self._clock()):
                await self._look(late, one.data)

    async def _take_in_late(self) -> None:
        """Look at what is beyond a host's quota, in its own time."""
        while True:
            for late in self._quota.due(self._clock()):
                if (data := await self._streams.fact(late.number)) is not None:
                    await self._look(late, data)
            await asyncio.sleep(LATE_PAUSE)

    async def _look(self, one: Late, data: bytes) -> None:
        try:
            told, after = taken_in(data, one.word, time.time_ns() // 1_000_000)
        except ValueError as error:
            log.warning("a message of %s is thrown away: %s", one.word, error)
            await self._receipts.drop([one.number])
            return
        await self._take(Letter(one.word, one.number, told, after, self._clock(), round(one.at * 1000)))

    async def _take(self, letter: Letter) -> None:
        if parent := self.sieve.holding.parent(letter):
            await self._journal.write(Noted(parents=(parent,)))
        if self._record.is_told(letter.name):
            await self._receipts.told_before(letter)
        elif self.mailbox.holds(letter.name):
            await self._receipts.drop([letter.number])  # handed over again: one is enough
        else:
            self.mailbox.put(letter, self._record.is_told)
            if letter.name in self._record.members:
                self.mailbox.take([letter])
            self._telling.wake()
