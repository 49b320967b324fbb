"""One relay at work, from winning the lease to losing it: facts in, requests out, receipts back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from agent.delivery.answer import Answer, Verdict
from agent.delivery.handover.message import Receipt
from agent.delivery.throttle import backoff
from agent.fleet.budget import Budget
from agent.fleet.catching_up import catch_up
from agent.fleet.choosing import FOLD_PAUSE, choose
from agent.fleet.folding import worded
from agent.fleet.intake import taken_in
from agent.fleet.ledger import Began, Dissolved, Done, Entry, Intent, Name, Try
from agent.fleet.mailbox import Letter, Mailbox
from agent.fleet.record import Record
from agent.fleet.streams import Streams, by_host

log = logging.getLogger("hostvigil.relay")

MOST_IN_FOLD = 1_000
FOLD_TRIES = 5
"""A fold that failed so often, while others got through, is taken apart: it may be what does not get through."""
TICK = 1.0
CALM = 0.1
"""Seconds between two choices: in a storm each looks at thousands of changes, and more come with every moment."""

Post = Callable[[bytes], Answer]


class Lost(Exception):
    """The lease ran out while a request was prepared: nothing was sent."""


class Session:
    """Tells what hosts hand over. The relay's loop owns it; its clock's seconds run on while the machine sleeps."""

    def __init__(
        self,
        streams: Streams,
        record: Record,
        budget: Budget,
        posts: Mapping[str, Post],
        holds: Callable[[], bool],
        clock: Callable[[], float],
        pool: ThreadPoolExecutor,
    ) -> None:
        self._streams = streams
        self._record = record
        self.budget = budget
        self._posts = posts
        self._holds = holds
        self._clock = clock
        self._pool = pool
        self.mailbox = Mailbox()
        self._rng = random.Random()  # noqa: S311 - jitter needs no secrecy
        self._not_before = 0.0
        self._fold_not_before = 0.0
        self._most = MOST_IN_FOLD
        self._running: set[str] = set()
        self._tries: dict[str, int] = {}
        self._waits: dict[str, float] = {}
        self._got_through = 0
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    async def run(self, holder: str, epoch: int, unknown_minute: float) -> None:
        """Work until cancelled, fenced, or the broker is gone.

        `unknown_minute`: seconds that nothing is sent after a ledger began: what was sent before it is unknown.
        """
        await catch_up(self._streams, self._record)
        await self._streams.append(Began(holder, epoch))
        await catch_up(self._streams, self._record)
        await self._remember(unknown_minute)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take_in())
            await self._send_all(tasks)

    async def _remember(self, unknown_minute: float) -> None:
        """Count what was sent before, of whichever relay; a request without an answer may be counted only now."""
        now, (_, began) = self._clock(), await self._streams.ledger()
        broker_now = self._record.read_until
        unfinished = len(self._record.intents) > 0
        self.budget.remember(
            (key, now if unfinished and broker_now - at < 15 else now - max(0.0, broker_now - at))
            for key, at in self._record.requests()
        )
        self._not_before = now + max(0.0, unknown_minute - max(0.0, broker_now - began))

    # --- facts in ----------------------------------------------------------------------------------------------------

    async def _take_in(self) -> None:
        async for number, host, message in self._streams.facts():
            await asyncio.sleep(0)  # a thousand at once must not keep the lease from being renewed
            try:
                told, after = taken_in(message, host, time.time_ns() // 1_000_000)
            except ValueError as error:
                log.warning("a message of %s is thrown away: %s", host, error)
                await self._streams.delete([number])
                continue
            letter = Letter(host, number, told, after, self._clock())
            if self._record.is_told(letter.name):
                await self._finish([letter.name], [letter])
            elif self.mailbox.holds(letter.name):
                await self._streams.delete([number])  # handed over again: one is enough
            else:
                self.mailbox.put(letter, self._record.is_told)
                if letter.name in self._record.members:
                    self.mailbox.take([letter])
                self._wake.set()

    # --- requests out ------------------------------------------------------------------------------------------------

    async def _send_all(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            self._wake.clear()
            wait = self._start(tasks)
            await asyncio.sleep(CALM)
            if wait > CALM:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(wait, TICK)):
                        await self._wake.wait()

    def _start(self, tasks: asyncio.TaskGroup) -> float:
        """Start a request, if one may be made now; return the seconds until the next."""
        now = self._clock()
        if (wait := max(self._not_before - now, self.budget.wait(now))) > 0:
            return wait
        intent = self._repeated(now)
        new = intent is None
        if intent is None:
            found = self._chosen(now)
            if isinstance(found, float):
                return found
            intent = found
        self._running.add(intent.id)
        tasks.create_task(self._send(intent, self.budget.take(now), new))
        return 0.0

    def _repeated(self, now: float) -> Intent | None:
        """Return an intent that is not done: what was sent once is sent again as it was."""
        waiting = [one for one in self._record.intents.values() if one.id not in self._running]
        free = [one for one in waiting if self._waits.get(one.id, 0.0) <= now]
        return min(free, key=lambda one: self._tries.get(one.id, 0), default=None)

    def _chosen(self, now: float) -> Intent | float:
        choice = choose(self.mailbox.ready(now), self.budget.free(now), now, self._fold_not_before)
        if isinstance(choice, float):
            return choice
        told = worded(choice, self._most)
        if len(told.letters) > 1:
            self._fold_not_before = now + (FOLD_PAUSE if len(told.letters) == len(choice.letters) else 0.0)
        self.mailbox.take(told.letters)
        return Intent(told.id, told.body.decode(), tuple(letter.name for letter in told.letters))

    async def _send(self, intent: Intent, key: str, new: bool) -> None:
        await self._write(Try(intent.id, key, intent if new else None))
        answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._post, key, intent.body.encode())
        if answer is None:
            raise Lost("the lease ran out")
        self.budget.answered(key, answer, self._clock())
        await self._settle(intent, answer)
        self._running.discard(intent.id)
        self._wake.set()

    def _post(self, key: str, body: bytes) -> Answer | None:
        """Runs in a thread of the pool. None, and nothing is sent, where the lease ran out: this process slept."""
        return self._posts[key](body) if self._holds() else None

    async def _settle(self, intent: Intent, answer: Answer) -> None:
        if answer.verdict is Verdict.DELIVERED:
            self._got_through += 1
            self._most = min(MOST_IN_FOLD, 2 * self._most)
            await self._done(intent, refused="")
        elif answer.verdict is Verdict.REFUSED and len(intent.members) == 1:
            log.warning("event %s of %s was refused: %s", intent.id, intent.members[0][0], answer.text)
            await self._done(intent, refused=answer.text)
        elif answer.verdict is Verdict.REFUSED or self._is_stuck(intent):
            await self._dissolve(intent, answer.text)
        else:
            tries = self._tries[intent.id] = self._tries.get(intent.id, 0) + 1
            if tries == 1:
                log.warning("event %s could not be sent, it is kept and tried again: %s", intent.id, answer.text)
            # What the key or the limit is at fault for may go with another key at once.
            failed = answer.verdict is Verdict.UNAVAILABLE
            self._waits[intent.id] = self._clock() + (backoff(tries, self._rng) if failed else 0.0)

    def _is_stuck(self, intent: Intent) -> bool:
        others_pass = self._got_through > 0
        return len(intent.members) > 1 and self._tries.get(intent.id, 0) >= FOLD_TRIES and others_pass

    async def _dissolve(self, intent: Intent, why: str) -> None:
        log.warning("a fold of %d changes is taken apart, none of them is lost: %s", len(intent.members), why)
        self._most = max(1, len(intent.members) // 2)
        await self._write(Dissolved(intent.id))
        self.mailbox.give_back(self.mailbox.letters(intent.members))

    async def _done(self, intent: Intent, refused: str) -> None:
        await self._write(Done(intent.id, bool(refused)))
        await self._finish(intent.members, self.mailbox.letters(intent.members), refused)

    # --- receipts back -----------------------------------------------------------------------------------------------

    async def _finish(self, names: Iterable[Name], letters: list[Letter], refused: str = "") -> None:
        """Say to the hosts what became of it, and take it out of the broker."""
        verdict, text = ("refused", refused) if refused else ("told", "")
        said = by_host((host, Receipt(id_, verdict, text)) for host, id_ in names)  # type: ignore[arg-type]
        self.mailbox.remove(letters)
        for host, receipts in said.items():
            await self._streams.receipt(host, receipts)
        await self._streams.delete([letter.number for letter in letters])

    async def _write(self, entry: Entry) -> None:
        """Write into the ledger and the own copy of it; Fenced where another relay did meanwhile."""
        async with self._writing:
            number = await self._streams.append(entry)
            self._record.take([(number, self._record.broker_clock(), entry)])
