"""What waits becomes requests: chosen, written down, sent, and settled by the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from agent.delivery.answer import Answer, Verdict
from agent.fleet.attempts import Attempts
from agent.fleet.choosing import FOLD_PAUSE, Queue, choose
from agent.fleet.folding import render
from agent.fleet.journal import Journal
from agent.fleet.ledger import Completion, Discard, Intent, Split, Try
from agent.fleet.mailbox import Letter, Mailbox
from agent.fleet.receipts import Receipts
from agent.fleet.requests import Requests
from agent.fleet.sieve import Sieve

log = logging.getLogger("hostvigil.relay")

TICK = 1.0
CALM = 0.1
"""Seconds between two choices: in a storm each looks at thousands of changes, and more come with every moment."""


class Telling:
    """Sends what waits in the mailbox. The relay's loop owns it; its clock runs on while the machine sleeps."""

    def __init__(
        self,
        journal: Journal,
        mailbox: Mailbox,
        requests: Requests,
        receipts: Receipts,
        attempts: Attempts,
        sieve: Sieve,
        clock: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._mailbox = mailbox
        self._requests = requests
        self._receipts = receipts
        self._attempts = attempts
        self._sieve = sieve
        self._clock = clock
        self._not_before = 0.0
        self._fold_not_before = 0.0
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something new to tell."""
        self._wake.set()

    async def run(self, tasks: asyncio.TaskGroup, pause: float) -> None:
        """Work until cancelled; nothing is sent for the first `pause` seconds."""
        self._not_before = self._clock() + pause
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
        now, budget = self._clock(), self._requests.budget
        if (wait := max(self._not_before - now, budget.wait(now))) > 0:
            return wait
        intent = self._attempts.due(self._journal.record.intents.values(), now)
        new = intent is None
        if intent is None:
            intent_or_wait = self._choose_intent(tasks, now)
            if isinstance(intent_or_wait, float):
                return intent_or_wait
            intent = intent_or_wait
        self._attempts.begin(intent)
        tasks.create_task(self._send(intent, budget.take(now), new))
        return 0.0

    def _choose_intent(self, tasks: asyncio.TaskGroup, now: float) -> Intent | float:
        ready = self._filter_ready(tasks, now)
        choice = choose(ready, self._requests.budget.free(now), now, self._fold_not_before)
        if isinstance(choice, float):
            return choice
        event = render(choice, self._attempts.most)
        if len(event.letters) > 1:
            self._fold_not_before = now + (FOLD_PAUSE if len(event.letters) == len(choice.letters) else 0.0)
        self._mailbox.take(event.letters)
        return Intent(event.id, event.body.decode(), tuple(name for letter in event.letters for name in letter.names))

    def _filter_ready(self, tasks: asyncio.TaskGroup, now: float) -> list[Queue]:
        """Return what may be told now. Of what was held back until now, what is left may be told next time."""
        free, over = self._sieve.filter(self._mailbox.ready(now), now)
        for queue, level in over:
            self._mailbox.replace(queue, level.remaining)
            if level.over:
                self._mailbox.take(level.over)
                tasks.create_task(self._drop(level.over))
        return free

    async def _drop(self, over: Sequence[Letter]) -> None:
        """Let go of what was held back, and over before that ended."""
        names = tuple(letter.name for letter in over)
        await self._journal.write(Discard(names))
        await self._receipts.finish(names, text="held back by the relay, and over before that ended")

    async def _send(self, intent: Intent, key: str, new: bool) -> None:
        await self._journal.write(Try(intent.id, key, intent if new else None))
        answer = await self._requests.post(key, intent.body)
        await self._settle(intent, answer)
        self._attempts.end(intent)
        self._wake.set()

    async def _settle(self, intent: Intent, answer: Answer) -> None:
        if answer.verdict is Verdict.DELIVERED:
            self._attempts.note_success()
            await self._finish(intent, refusal="")
        elif answer.verdict is Verdict.REFUSED and len(intent.members) == 1:
            log.warning("event %s of %s was refused: %s", intent.id, intent.members[0][0], answer.text)
            await self._finish(intent, refusal=answer.text)
        elif answer.verdict is Verdict.REFUSED or self._attempts.is_stuck(intent) or _may_hide_one(answer, intent):
            await self._split(intent, answer.text)
        elif self._attempts.note_failure(intent, answer.verdict, self._clock()) == 1:
            log.warning("event %s could not be sent, it is kept and tried again: %s", intent.id, answer.text)

    async def _split(self, intent: Intent, why: str) -> None:
        log.warning("a fold of %d changes is taken apart, none of them is lost: %s", len(intent.members), why)
        self._attempts.note_split(intent)
        await self._journal.write(Split(intent.id))
        self._mailbox.give_back(self._mailbox.letters(intent.members))

    async def _finish(self, intent: Intent, refusal: str) -> None:
        await self._journal.write(Completion(intent.id, bool(refusal)))
        await self._receipts.finish(intent.members, refusal)


def _may_hide_one(answer: Answer, intent: Intent) -> bool:
    """Tell whether one change of a fold may be what does not get through: the others must not wait for it."""
    return answer.perhaps_of_this and len(intent.members) > 1
