"""One destination's outbox -> a broker: each change is handed over, and goes only at the relay's receipt."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from agent.delivery.agent_news import AgentNews
from agent.delivery.handover.beats import Beats
from agent.delivery.handover.message import Receipt, encode
from agent.delivery.problems import DeliveryProblem, DeliveryProblems
from agent.delivery.throttle import backoff
from agent.plugin.clock import wall_clock
from agent.store import Delivery, Due, Outbox, Phase

log = logging.getLogger("hostvigil.emitter")

BATCH = 200
ASK_AGAIN = 5.0
"""Seconds until the broker's memory is asked for again, when no relay answered."""
POLL = 0.5
"""Seconds between looks for receipts while some are waited for."""


class Unreachable(Exception):
    """The broker cannot be used now. Its text says why."""


class Message(msgspec.Struct, frozen=True):
    """One change on its way to the broker."""

    seq: int
    id: str
    body: bytes


class Broker(Protocol):
    """The way to a broker. One emitter's thread uses it; each call ends within its deadline."""

    @property
    def connected(self) -> bool: ...

    def connect(self) -> None:
        """Connect; Unreachable if not."""

    def memory(self) -> str:
        """Return what names the broker's memory: another name is another memory; empty while no relay is there."""

    def publish(self, messages: Sequence[Message]) -> list[int]:
        """Return those, by seq, that the broker has on its disk; Unreachable where it took none."""

    def beat(self, message: bytes) -> None:
        """Give a sign of life; Unreachable where it cannot be sent."""

    def receipts(self) -> list[Receipt]:
        """Return what has come of the relay since the last call."""

    def close(self) -> None: ...


class Rest:
    """The pause after a failure, longer with each one. Times are monotonic seconds."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._tries = 0
        self._until = 0.0

    def begin(self, now: float) -> float:
        """Return how long it is."""
        self._tries += 1
        wait = backoff(self._tries, self._rng)
        self._until = now + wait
        return wait

    def end(self) -> None:
        self._tries = 0

    def wait(self, now: float) -> float:
        return self._until - now


class HandoverCourier:
    """Hands over what waits for one destination. Its emitter's thread owns it; every method may raise StoreError."""

    def __init__(
        self,
        outbox: Outbox,
        broker: Broker,
        news: AgentNews,
        problems: DeliveryProblems,
        beats: Beats,
        republish_after: float,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._outbox = outbox
        self._broker = broker
        self._news = news
        self._problems = problems
        self._beats = beats
        self._republish_after = republish_after
        self._clock = clock
        self._wall_clock = wall_clock
        self._rest = Rest(random.Random())  # noqa: S311 - jitter needs no secrecy
        self._ask_at = 0.0

    def drain(self) -> float:
        """Hand over what may be, if it may be now; return the seconds until the next.

        1. Receipts are written down: what they name is told.
        2. Where nothing waits, there is no connection, but for a sign of life when it is due.
        3. A broker with a new memory gets all that waits again, in order.
        4. What has no receipt for long is handed over again.
        5. The first change of each subject that is not handed over yet is.
        """
        self._settle()
        self._news.say_notices()
        due = self._outbox.due()
        idle = not due and not self._outbox.handovers.count()
        if idle and (wait := self._beats.wait(self._clock())) > 0:
            self._broker.close()
            return wait
        if (wait := self._rest.wait(self._clock())) > 0:
            return wait
        try:
            self._say_alive()
            return 0.0 if idle else self._hand_over(due)
        except Unreachable as error:
            return self._fail(due, str(error))

    def close(self) -> None:
        self._broker.close()

    def _say_alive(self) -> None:
        if not self._broker.connected:
            self._broker.connect()
            self._ask_at = self._clock()
        if self._beats.wait(self._clock()) <= 0:
            self._broker.beat(self._beats.message())
            self._beats.note_sent(self._clock())
            self._well()

    def _well(self) -> None:
        self._rest.end()
        self._problems.over()

    def _hand_over(self, due: Sequence[Due]) -> float:
        if self._clock() >= self._ask_at and self._is_new(self._broker.memory()):
            return 0.0
        if self._outbox.handovers.hand_again(self._republish_after, self._wall_clock()):
            return 0.0
        if not due:
            return POLL
        messages = [message for one in due[:BATCH] if (message := self._message(one))]
        if messages:
            seqs = self._broker.publish(messages)
            self._outbox.handovers.mark(seqs, self._wall_clock())
            if not seqs:
                raise Unreachable("it keeps no more of this host")
        self._well()
        return 0.0

    def _is_new(self, memory: str) -> bool:
        """Have all handed over again where the broker forgot it. Asked once a connection, for a broker keeps it."""
        self._ask_at = float("inf") if memory else self._clock() + ASK_AGAIN
        again = self._outbox.handovers.broker_is(memory) if memory else 0
        if again:
            log.warning("%s: the broker's memory is a new one: %d changes again", self._outbox.destination, again)
        return again > 0

    def _message(self, due: Due) -> Message | None:
        """Return what is handed over; None where that is not possible, and the delivery is set aside."""
        delivery = self._outbox.delivery(due.seq)
        try:
            return Message(due.seq, due.id, self._encode(delivery))
        except ValueError as error:
            self._outbox.mark_refused(due.seq, str(error), self._wall_clock())
            log.warning("%s: event %s of %s is set aside: %s", self._outbox.destination, due.id, due.check, error)
            return None

    def _encode(self, delivery: Delivery) -> bytes:
        if delivery.facts is None:
            raise ValueError("an older hostvigil worded it: it has no facts to hand over")
        return encode(delivery.facts, self._outbox.handovers.before(delivery.seq, delivery.check, delivery.subject))

    def _settle(self) -> None:
        for receipt in self._broker.receipts():
            phase = Phase.DELIVERED if receipt.verdict == "told" else Phase.REFUSED
            if self._outbox.handovers.settle(receipt.id, phase, receipt.text or "told", self._wall_clock()):
                self._news.note_success()

    def _fail(self, due: Sequence[Due], text: str) -> float:
        self._broker.close()
        if due:
            self._outbox.handovers.note_failure(due[0].seq, text, self._wall_clock())
        about = due[0] if due else Due(0, "", "what was handed over, or a sign of life", "", 0, 0, 0)
        self._problems.say(DeliveryProblem.OUTAGE, about, text)
        return self._rest.begin(self._clock())
