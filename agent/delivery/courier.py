"""One destination's outbox -> its sink, one request a step: in order per subject, the urgent first, never giving up."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

from agent.delivery.agent_news import AgentNews
from agent.delivery.answer import Answer, Verdict
from agent.delivery.bundling import Bundling
from agent.delivery.problems import DeliveryProblem, DeliveryProblems
from agent.delivery.sinks.sink import Sink
from agent.delivery.throttle import Throttle
from agent.plugin.clock import wall_clock
from agent.store import Delivery, Due, Outbox, StoreError, notification

log = logging.getLogger("hostvigil.emitter")


class Courier:
    """Carries what waits for one destination. Its emitter's thread owns it; every method may raise StoreError."""

    def __init__(
        self,
        outbox: Outbox,
        sink: Sink,
        throttle: Throttle,
        bundling: Bundling,
        news: AgentNews,
        problems: DeliveryProblems,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._sink = sink
        self._throttle = throttle
        self._bundling = bundling
        self._news = news
        self._problems = problems
        self._clock = clock
        self._pending: tuple[Due, Answer] | None = None

    def drain(self) -> float:
        """Send one, if one may be sent now; return the seconds until the next, infinite for "when woken".

        1. What became of the last request is written down; before that nothing else is sent, nor this one again.
        2. What the store has to say of itself is put into the outbox.
        3. While a failure or the limit says so, all wait.
        4. Digests that fail again and again are taken apart; what is too much to go singly is bundled.
        5. The most urgent that need not wait is sent; where there is none, a sign of life.
        """
        if self._pending:
            self._settle(*self._pending)
        self._news.say_notices()
        due, now = self._outbox.due(), self._clock()
        wait = self._throttle.wait(due, now)
        if wait > 0 and (due or self._news.heartbeat):
            return wait
        if self._is_failing() and self._bundling.take_stuck_apart(due):
            return 0.0
        if (pause := self._bundle(due, now)) is not None:
            return pause
        choice = self._throttle.choose(due, now)
        if isinstance(choice, float):
            return min(choice, self._live(now))
        self._send(choice)
        return 0.0

    def close(self) -> None:
        """Nothing is kept open between two requests."""

    def _is_failing(self) -> bool:
        return self._problems.now in (DeliveryProblem.ONE_CHECK, DeliveryProblem.OUTAGE)

    def _bundle(self, due: list[Due], now: float) -> float | None:
        if self._problems.now is DeliveryProblem.OUTAGE:
            return None  # single ones probe
        scarce = self._problems.now is DeliveryProblem.THROTTLED
        try:
            return self._bundling.wait(self._throttle.ready(due, now), scarce, now)
        except StoreError:
            raise
        except Exception:
            log.exception("a bug of ours: %s: changes cannot be put together, they go singly", self._outbox.destination)
            return None

    def _live(self, now: float) -> float:
        """Tell that the agent lives, when it is time and nothing else is to be told; return the seconds until then."""
        sign = self._news.sign_of_life(now)
        if sign is None:
            return self._news.wait(now)
        answer = self._sink.post(self._sink.render(sign))
        self._throttle.count_request(self._clock())
        if answer.verdict is Verdict.DELIVERED:
            self._throttle.nobody_waits()
            return 0.0
        log.info("%s: the heartbeat did not get through: %s", self._outbox.destination, answer.text)
        return self._news.wait(self._clock())

    def _send(self, due: Due) -> None:
        body = self._bytes(due, self._outbox.delivery(due.seq))
        if isinstance(body, Answer):
            self._settle(due, body)
            return
        answer = self._post(body)
        now = self._clock()
        self._throttle.count_request(now)
        self._throttle.learn(due, answer, now)
        if answer.verdict is Verdict.DELIVERED:
            self._bundling.note_success()
            self._news.note_success()
        self._settle(due, answer)

    def _post(self, body: bytes) -> Answer:
        try:
            return self._sink.post(body)
        except Exception as error:
            log.exception("a bug of ours: %s: an event could not be sent", self._outbox.destination)
            return Answer(Verdict.UNAVAILABLE, f"a bug of hostvigil, see its log: {type(error).__name__}")

    def _bytes(self, due: Due, delivery: Delivery) -> bytes | Answer:
        """Return what was sent before, or render it and keep that; why not, where that cannot be done.

        One that cannot be worded is set aside: it must not hold up those behind it.
        """
        if delivery.body is not None:
            return delivery.body
        change = notification(delivery)
        if change is None:
            return Answer(Verdict.REFUSED, "its facts cannot be read")
        try:
            body = self._sink.render(change)
        except Exception as error:
            log.exception("a bug of ours: %s: event %s cannot be worded", self._outbox.destination, due.id)
            return Answer(Verdict.REFUSED, f"a bug of hostvigil, see its log: {type(error).__name__}")
        # On a full disk it is told all the same: the facts give the same bytes again.
        with contextlib.suppress(StoreError):
            self._outbox.keep_bytes(due.seq, body)
        return body

    def _settle(self, due: Due, answer: Answer) -> None:
        """Write down what became of a delivery."""
        self._pending = (due, answer)
        at = wall_clock()
        if answer.verdict is Verdict.DELIVERED:
            self._outbox.mark_delivered(due.seq, answer.trace_id or answer.text, at)
        elif answer.verdict is not Verdict.REFUSED:
            self._outbox.count_try(due.seq, answer.text, at)
        elif due.members:
            self._bundling.unbundle(due, answer.text)
        else:
            self._outbox.mark_refused(due.seq, answer.text, at)
            log.warning(
                "%s: event %s of %s was refused and is set aside (see: hostvigil events --refused): %s",
                *(self._outbox.destination, due.id, due.check, answer.text),
            )
        self._pending = None
