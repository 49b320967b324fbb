"""One relay at work, from winning the lease to losing it: facts in, requests out, receipts back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from agent.fleet.attempts import Attempts
from agent.fleet.commands import Commands
from agent.fleet.journal import Journal
from agent.fleet.lives import Lives
from agent.fleet.mailbox import Mailbox
from agent.fleet.receipts import Receipts
from agent.fleet.record import Record
from agent.fleet.requests import Requests
from agent.fleet.sieve import Sieve
from agent.fleet.streams import Streams
from agent.fleet.taking_in import TakingIn
from agent.fleet.telling import Telling

LATE = 15.0
"""Seconds within which a request without an answer may be counted by the API as of now."""


class Session:
    """Tells what hosts hand over. The relay's loop owns it; its clock's seconds run on while the machine sleeps."""

    def __init__(
        self, streams: Streams, record: Record, requests: Requests, sieve: Sieve, clock: Callable[[], float]
    ) -> None:
        self.budget = requests.budget
        self.mailbox = Mailbox()
        self.sieve = sieve
        self._clock = clock
        self._journal = Journal(streams, record)
        receipts = Receipts(streams, self.mailbox)
        attempts = Attempts(random.Random())  # noqa: S311 - jitter needs no secrecy
        self._telling = Telling(self._journal, self.mailbox, requests, receipts, attempts, sieve, clock)
        wake, holding = self._telling.wake, sieve.holding
        self._taking_in = TakingIn(streams, self._journal, self.mailbox, receipts, holding, wake, clock)
        self._lives = Lives(streams, self._journal, clock)
        self._commands = Commands(streams, self._journal, self._lives)

    async def run(self, holder: str, epoch: int, unknown_minute: float) -> None:
        """Work until cancelled, fenced, or the broker is gone.

        `unknown_minute`: seconds that nothing is sent after a ledger began: what was sent before it is unknown.
        """
        age = await self._journal.begin(holder, epoch)
        self._remember()
        async with asyncio.TaskGroup() as tasks:
            for work in (self._taking_in.run, self._taking_in.run_late, self._lives.run, self._commands.run):
                tasks.create_task(work())
            await self._telling.run(tasks, max(0.0, unknown_minute - age))

    def _remember(self) -> None:
        """Count what was sent before, of whichever relay; a request without an answer may be counted only now."""
        record, now = self._journal.record, self._clock()
        has_unfinished = len(record.intents) > 0

        def latest_moment(at: float) -> float:
            """Return the latest moment as of which the API may count a request made at `at`, on our clock."""
            age = max(0.0, record.read_until - at)
            return now if has_unfinished and age < LATE else now - age

        self.budget.remember((key, latest_moment(at)) for key, at in record.requests())
