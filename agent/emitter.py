"""The outbox -> the API: in order per check, within the limit, and without ever giving up."""

from __future__ import annotations

import enum
import logging
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from agent.delivery import Answer, Kind
from agent.store import Store, StoredEvent, StoreError
from agent.units import duration_text

log = logging.getLogger("hostvigil.emitter")

FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
BAD_KEY_WAIT = 300.0
THROTTLED_WAIT = (15.0, 60.0)
STORE_WAIT = 10.0
STOP_SECONDS = 0.8

FRESH_WAIT = 30.0
"""An event never tried waits no longer than this in an outage: what fails may be the older events' own fault."""


class Trouble(enum.Enum):
    """Why events are not getting through."""

    NONE = enum.auto()
    ONE_CHECK = enum.auto()
    OUTAGE = enum.auto()
    THROTTLED = enum.auto()
    BAD_KEY = enum.auto()


TROUBLES = {
    Trouble.ONE_CHECK: "%s: its event could not be delivered, it is kept and tried again: %s",
    Trouble.OUTAGE: "%s: events cannot be delivered, all are kept and tried again: %s",
    Trouble.THROTTLED: "%s: the API takes no more events for now, all are kept: %s",
    Trouble.BAD_KEY: "%s: NO EVENT CAN BE DELIVERED, all are kept and tried again every few minutes: %s",
}


class Delivery(Protocol):
    """Something that takes an event: the API, or the terminal."""

    def post(self, body: bytes) -> Answer: ...


class Limiter:
    """No more than `rate` requests in any 60 seconds; below one a minute: one every 60 / `rate` seconds.

    A sliding window and not a bucket, whose burst and refill would let twice the rate into one minute.
    """

    def __init__(self, rate: float) -> None:
        self._window = 60.0 / min(1.0, rate)
        self._ends: deque[float] = deque(maxlen=max(1, int(rate)))

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may start; `now` on the monotonic clock."""
        if len(self._ends) < (self._ends.maxlen or 1):
            return 0.0
        return max(0.0, self._ends[0] + self._window - now)

    def ended(self, now: float) -> None:
        """Count a request, by its end: the API counted it at some moment before."""
        self._ends.append(now)


def backoff(tries: int, rng: random.Random) -> float:
    """Return seconds: 1, 2, 4 ... up to 5 minutes, each cut by up to half so that a fleet does not come as one."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 20)) * rng.uniform(0.5, 1.0)


def wait_after(answer: Answer, tries: int, rng: random.Random) -> float:
    """Return the seconds to wait after the answer to the latest of `tries` failed tries."""
    if answer.kind is Kind.BAD_KEY:
        return BAD_KEY_WAIT * rng.uniform(0.8, 1.0)
    if answer.kind is Kind.THROTTLED:
        return answer.retry_after * rng.uniform(1.0, 1.2) or rng.uniform(*THROTTLED_WAIT)
    return max(answer.retry_after, backoff(tries, rng))


def choose(due: Sequence[StoredEvent], waits: Mapping[str, float], outage: bool, now: float) -> StoredEvent | float:
    """Return the event to send now, or the seconds until one may be sent.

    `due` is the first event of every check, oldest first: whatever is chosen, no check's events change their order.
    In an outage another check's event probes each time: should one event be what the API cannot digest, the others
    soon find their way.
    """
    if not due:
        return math.inf
    if outage:
        return min(due, key=lambda event: (event.attempts, event.seq))
    free = [event for event in due if waits.get(event.check, now) <= now]
    return free[0] if free else min(waits[event.check] for event in due) - now


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
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._limiter = limiter
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter needs no secrecy
        self._waits: dict[str, float] = {}
        self._tries = 0
        self._gate = 0.0
        self._fresh_gate = 0.0
        self._trouble = Trouble.NONE
        self._trouble_since = 0.0
        self._unsettled: tuple[StoredEvent, Answer] | None = None
        self._store_fails = False
        self._wakeup = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="emitter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is a new event. Never blocks."""
        self._wakeup.set()

    def stop(self) -> None:
        """End within a second, even while a request hangs: its event stays in the outbox."""
        self._stopping = True
        self._wakeup.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        while not self._stopping:
            self._wakeup.clear()
            wait = self._drain_or_say_why_not()
            if wait > 0:
                self._wakeup.wait(None if math.isinf(wait) else wait)

    def _drain_or_say_why_not(self) -> float:
        try:
            wait = self.drain()
        except StoreError as error:
            if not self._store_fails and not self._stopping:
                log.error("the outbox cannot be read or written: %s", error)
            self._store_fails = True
            return STORE_WAIT
        except Exception:
            log.exception("a bug in the emitter; it goes on in %gs", STORE_WAIT)
            return STORE_WAIT
        self._store_fails = False
        return wait

    def drain(self) -> float:
        """Send one event, if one may be sent now; return the seconds until the next, infinite for "when woken"."""
        if self._unsettled:
            self._settle(*self._unsettled)
        due = self._store.due()
        now = self._clock()
        fresh = any(event.attempts == 0 for event in due)
        wait = max((self._fresh_gate if fresh else self._gate) - now, self._limiter.wait(now) if self._limiter else 0)
        if due and wait > 0:
            return wait
        chosen = choose(due, self._waits, self._trouble is Trouble.OUTAGE, now)
        if isinstance(chosen, float):
            return chosen
        self._send(chosen)
        return 0.0

    def _send(self, event: StoredEvent) -> None:
        answer = self._delivery.post(event.body)
        now = self._clock()
        if self._limiter:
            self._limiter.ended(now)
        self._learn(event, answer, now)
        self._settle(event, answer)

    def _settle(self, event: StoredEvent, answer: Answer) -> None:
        """Write down what became of the event; while the store cannot, nothing else is sent, nor this one again."""
        self._unsettled = (event, answer)
        settle = {Kind.DELIVERED: self._store.delivered, Kind.REFUSED: self._store.refused}
        text = answer.trace_id if answer.kind is Kind.DELIVERED else answer.text
        settle.get(answer.kind, self._store.tried)(event.seq, text, time.time_ns() // 1_000_000)
        self._unsettled = None

    def _learn(self, event: StoredEvent, answer: Answer, now: float) -> None:
        """Decide from an answer who waits, and for how long."""
        if answer.kind in (Kind.DELIVERED, Kind.REFUSED):
            self._reached(event, answer)
        elif answer.kind is Kind.UNAVAILABLE:
            self._not_reached(event, answer, now)
        else:
            self._gate = self._fresh_gate = now + wait_after(answer, 1, self._rng)
            self._say(Trouble.BAD_KEY if answer.kind is Kind.BAD_KEY else Trouble.THROTTLED, event, answer)

    def _reached(self, event: StoredEvent, answer: Answer) -> None:
        self._tries, self._gate, self._fresh_gate = 0, 0.0, 0.0
        self._waits.pop(event.check, None)
        if self._trouble is not Trouble.ONE_CHECK:
            self._waits.clear()
        if not self._waits:
            self._say(Trouble.NONE, event, answer)
        if answer.kind is Kind.REFUSED:
            log.warning(
                "%s: event %s was refused and is set aside (see: hostvigil events --refused): %s",
                *(event.check, event.event_id, answer.text),
            )

    def _not_reached(self, event: StoredEvent, answer: Answer, now: float) -> None:
        self._tries += 1
        self._waits[event.check] = now + wait_after(answer, event.attempts + 1, self._rng)
        if len(self._waits) == 1:
            # The server itself asking for a pause speaks for all events.
            self._gate = self._fresh_gate = now + answer.retry_after
            self._say(Trouble.ONE_CHECK, event, answer)
            return
        wait = wait_after(answer, self._tries, self._rng)
        self._gate, self._fresh_gate = now + wait, now + max(answer.retry_after, min(wait, FRESH_WAIT))
        self._say(Trouble.OUTAGE, event, answer)

    def _say(self, trouble: Trouble, event: StoredEvent, answer: Answer) -> None:
        """Log a trouble when it begins and when it ends, not at every try."""
        if trouble is self._trouble:
            return
        if trouble is Trouble.NONE:
            log.info("events are delivered again, after %s", duration_text(self._clock() - self._trouble_since))
        else:
            level = logging.ERROR if trouble is Trouble.BAD_KEY else logging.WARNING
            log.log(level, TROUBLES[trouble], event.check, answer.text)
        if self._trouble is Trouble.NONE:
            self._trouble_since = self._clock()
        self._trouble = trouble
