"""The outbox -> the API: in order per subject, the urgent first, within the limit, and without ever giving up."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from agent.delivery.bundling import gathered
from agent.delivery.choosing import choose, is_full, ready, stuck, to_gather
from agent.delivery.problems import DeliveryProblem, DeliveryProblems
from agent.delivery.sinks.truewatch.answers import Answer, Verdict
from agent.delivery.throttle import Limiter, wait_after
from agent.model import Event, EventStatus
from agent.store import DAMAGED, LOST, SUPERSEDED, Due, Store, StoreError

__all__ = ["ComposeAgentEvent", "Delivery", "Emitter", "Limiter"]

log = logging.getLogger("hostvigil.emitter")

STORE_WAIT = 10.0
STOP_SECONDS = 0.8

FRESH_WAIT = 30.0
"""An event never tried waits no longer than this in an outage: what fails may be the older events' own fault."""

ComposeAgentEvent = Callable[[str, str, EventStatus], Event]
"""Words news of the agent itself: the part of it, the text, how urgent it is."""

REMARKS = {
    SUPERSEDED: (
        "outbox",
        EventStatus.INFO,
        "{0.count} changes were never told, because later ones replaced them while the outbox was full",
    ),
    LOST: ("outbox", EventStatus.WARNING, "{0.count} changes are lost, because the outbox was full"),
    DAMAGED: ("store", EventStatus.WARNING, "{0.text}"),
}

MOST_IN_DIGEST = 1_000
"""Changes; its message rarely holds so many."""

DIGEST_PAUSE = 5.0
"""Seconds between digests that are not full: a storm takes some time to come together, and requests are few."""


class Delivery(Protocol):
    """Something that takes an event: the API, or the terminal."""

    def post(self, body: bytes) -> Answer: ...


class Emitter:
    """Empties the outbox from a thread of its own; sleeps until woken or until the next request is allowed.

    One check's event that fails makes that check wait; two checks' events that fail are an outage, in which all wait
    and one event at a time probes.
    """

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        limiter: Limiter | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        digest_above: float = math.inf,
        own: ComposeAgentEvent | None = None,
        heartbeat: float = 0.0,
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._limiter = limiter
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter needs no secrecy
        self._digest_above = digest_above
        self._most_in_digest = MOST_IN_DIGEST
        self._digest_at = 0.0
        self._own = own
        self._got_through = True
        self._heartbeat = heartbeat
        self._beat_at = clock()
        self._waits: dict[int, float] = {}
        self._singly = False
        self._tries = 0
        self._gate = 0.0
        self._fresh_gate = 0.0
        self._troubles = DeliveryProblems(clock)
        self._unsettled: tuple[Due, Answer] | None = None
        self._failing = False
        self._wakeup = threading.Event()
        self._stopping = self._farewell = False
        self._thread = threading.Thread(target=self._work, name="emitter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is a new event. Never blocks."""
        self._wakeup.set()

    def stop(self, farewell: bool = False) -> None:
        """End within a second, even while a request hangs: its event stays in the outbox.

        With `farewell` one more event is sent, if that is possible in this second.
        """
        self._farewell = farewell
        self._stopping = True
        self._wakeup.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        while True:
            # In this order: a wake that comes in between is not lost.
            self._wakeup.clear()
            if self._stopping:
                if self._farewell:
                    self._drain_or_say_why_not()
                return
            wait = self._drain_or_say_why_not()
            if self._failing:
                self._rest(wait)
            elif wait > 0:
                self._wakeup.wait(None if math.isinf(wait) else wait)

    def _rest(self, seconds: float) -> None:
        """Wait however often woken: each try would only meet the same again."""
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            self._wakeup.wait(left)
            self._wakeup.clear()

    def _drain_or_say_why_not(self) -> float:
        try:
            wait = self.drain()
        except StoreError as error:
            if not self._failing and not self._stopping:
                log.error("the outbox cannot be read or written: %s", error)
        except Exception:
            log.exception("a bug in the emitter; it goes on in %gs", STORE_WAIT)
        else:
            self._failing = False
            return wait
        self._failing = True
        return STORE_WAIT

    def drain(self) -> float:
        """Send one event, if one may be sent now; return the seconds until the next, infinite for "when woken"."""
        if self._unsettled:
            self._settle(*self._unsettled)
        self._say_remarks()
        due = self._store.due()
        self._waits = {event.seq: self._waits[event.seq] for event in due if event.seq in self._waits}
        now = self._clock()
        wait = max(self._gate_for(due) - now, self._limiter.wait(now) if self._limiter else 0)
        if wait > 0 and (due or self._heartbeat):
            return wait
        if self._take_apart(due):
            return 0.0
        if (pause := self._gather(due, now)) is not None:
            return pause
        chosen = choose(due, self._waits, self._troubles.now is DeliveryProblem.OUTAGE, now)
        if isinstance(chosen, float):
            return min(chosen, self._beat(now))
        self._send(chosen)
        return 0.0

    def _gate_for(self, due: list[Due]) -> float:
        return self._fresh_gate if any(event.attempts == 0 for event in due) else self._gate

    def _gather(self, due: list[Due], now: float) -> float | None:
        """Put what waits into a digest when it is too much to go out singly; in an outage single events probe.

        Returns the seconds after which to go on, None when there is nothing to gather.
        """
        if self._singly or self._troubles.now is DeliveryProblem.OUTAGE:
            return None
        scarce = self._troubles.now is DeliveryProblem.THROTTLED and self._digest_above < math.inf
        chosen = to_gather(ready(due, self._waits, now), 1 if scarce else self._digest_above)
        if chosen and now < self._digest_at and not is_full(chosen):
            return self._digest_at - now
        if not chosen or not gathered(self._store, chosen, self._most_in_digest):
            return None
        self._digest_at = now + DIGEST_PAUSE
        return 0.0

    def _take_apart(self, due: list[Due]) -> bool:
        """Should a digest be what does not get through, smaller ones may; until something does, single events probe."""
        if self._troubles.now not in (DeliveryProblem.ONE_CHECK, DeliveryProblem.OUTAGE):
            return False
        digests = stuck(due)
        for digest in digests:
            self._dissolve(digest, f"it could not be delivered in {digest.attempts} tries")
            self._singly = True
        return bool(digests)

    def _dissolve(self, digest: Due, why: str) -> None:
        """Have the half of it tried next, and so on: the one event at fault is found, all others get through."""
        self._store.dissolve(digest.seq)
        self._most_in_digest = max(1, digest.members // 2)
        self._digest_at = 0.0
        log.warning("a digest of %d changes is taken apart, none of them is lost: %s", digest.members, why)

    def _say_remarks(self) -> None:
        """Turn what the store has to say into events; what its bounds cost only when events get through again."""
        if self._own is None:
            return
        for remark in self._store.untold():
            if self._got_through or remark.name == DAMAGED:
                subject, told, text = REMARKS[remark.name]
                self._store.append(self._own(subject, text.format(remark), told), remark)
        self._got_through = False

    def _beat(self, now: float) -> float:
        """Tell that the agent lives, when it is time and nothing else is to be told; return the seconds until then.

        It is in no store: what was missed needs no telling.
        """
        if not self._heartbeat or self._own is None:
            return math.inf
        if now >= self._beat_at:
            self._beat_at = now + self._heartbeat
            answer = self._delivery.post(msgspec.json.encode(self._own("heartbeat", "alive", EventStatus.INFO).body))
            if self._limiter:
                self._limiter.ended(self._clock())
            if answer.verdict is Verdict.DELIVERED:
                # Then others may get through as well: they are tried now, not when their time comes.
                self._waits.clear()
                return 0.0
            log.info("the heartbeat did not get through: %s", answer.text)
        return max(0.0, self._beat_at - self._clock())

    def _send(self, event: Due) -> None:
        answer = self._delivery.post(self._store.event(event.seq).body)
        now = self._clock()
        if self._limiter:
            self._limiter.ended(now)
        self._learn(event, answer, now)
        self._settle(event, answer)

    def _settle(self, event: Due, answer: Answer) -> None:
        """Write down what became of the event; while the store cannot, nothing else is sent, nor this one again."""
        self._unsettled = (event, answer)
        at = time.time_ns() // 1_000_000
        if answer.verdict is Verdict.DELIVERED:
            self._store.delivered(event.seq, answer.trace_id, at)
        elif answer.verdict is not Verdict.REFUSED:
            self._store.tried(event.seq, answer.text, at)
        elif event.members:
            self._dissolve(event, answer.text)
        else:
            self._store.refused(event.seq, answer.text, at)
        self._unsettled = None

    def _learn(self, event: Due, answer: Answer, now: float) -> None:
        """Decide from an answer who waits, and for how long."""
        if answer.verdict in (Verdict.DELIVERED, Verdict.REFUSED):
            self._reached(event, answer)
        elif answer.verdict is Verdict.UNAVAILABLE:
            self._not_reached(event, answer, now)
        else:
            self._gate = self._fresh_gate = now + wait_after(answer, 1, self._rng)
            trouble = DeliveryProblem.BAD_KEY if answer.verdict is Verdict.BAD_KEY else DeliveryProblem.THROTTLED
            self._troubles.say(trouble, event, answer.text)

    def _reached(self, event: Due, answer: Answer) -> None:
        self._tries, self._gate, self._fresh_gate = 0, 0.0, 0.0
        self._waits.pop(event.seq, None)
        if self._troubles.now is not DeliveryProblem.ONE_CHECK:
            self._waits.clear()
        if not self._waits:
            self._troubles.say(DeliveryProblem.NONE, event, answer.text)
        if answer.verdict is Verdict.DELIVERED:
            self._singly = False
            self._got_through = True
            self._most_in_digest = min(MOST_IN_DIGEST, 2 * self._most_in_digest)
        elif not event.members:
            log.warning(
                "%s: event %s was refused and is set aside (see: hostvigil events --refused): %s",
                *(event.check, event.event_id, answer.text),
            )

    def _not_reached(self, event: Due, answer: Answer, now: float) -> None:
        self._tries += 1
        self._waits[event.seq] = now + wait_after(answer, event.attempts + 1, self._rng)
        if len(self._waits) == 1:
            # The server itself asking for a pause speaks for all events.
            self._gate = self._fresh_gate = now + answer.retry_after
            self._troubles.say(DeliveryProblem.ONE_CHECK, event, answer.text)
            return
        wait = wait_after(answer, self._tries, self._rng)
        self._gate, self._fresh_gate = now + wait, now + max(answer.retry_after, min(wait, FRESH_WAIT))
        self._troubles.say(DeliveryProblem.OUTAGE, event, answer.text)
