"""How fast one destination may be told, and how long to wait after what went wrong."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Sequence

from agent.delivery.answer import Answer, Verdict
from agent.delivery.choosing import choose, ready
from agent.delivery.problems import DeliveryProblem, DeliveryProblems
from agent.store import Due

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds after the first failure, and after many; in between each wait is twice the last."""
BAD_KEY_WAIT = 300.0
THROTTLED_WAIT = (15.0, 60.0)
"""Seconds, somewhere between, where the API does not say for how long."""
FRESH_WAIT = 30.0
"""In an outage, what is new may probe sooner than what failed already."""


class Limiter:
    """No more than `rate` requests in any 60 seconds; below one a minute: one every 60 / `rate` seconds.

    A sliding window and not a bucket, whose burst and refill would let twice the rate into one minute. The last quarter
    of its requests is spread over what is left of it: what comes after a burst waits seconds and not a minute.
    """

    def __init__(self, rate: float) -> None:
        self._most = max(1, int(rate)) if math.isfinite(rate) else 0
        self._window = 60.0 / min(1.0, rate)
        self._ends: deque[float] = deque(maxlen=self._most)

    def wait(self, now: float, running: int = 0) -> float:
        """Return the seconds until the next request may start; `now` on the monotonic clock.

        `running`: requests that have not ended yet; each of them counts as one that ends now.
        """
        ends = [*(end for end in self._ends if end > now - self._window), *[now] * running]
        if not self._most or 4 * len(ends) < 3 * self._most:
            return 0.0
        latest, free_again = ends[-1], ends[max(0, len(ends) - self._most)] + self._window
        return max(0.0, latest + (free_again - latest) / (max(0, self._most - len(ends)) + 1) - now)

    def remaining(self, now: float) -> int:
        """Return how many requests are left of the window that ends now; many where there is no limit."""
        return self._most - sum(end > now - self._window for end in self._ends) if self._most else 1_000_000

    def count(self, now: float) -> None:
        """Count a request, by its end: the API counted it at some moment before."""
        self._ends.append(now)


class Throttle:
    """Decides from the answers so far who waits, and for how long. Times are monotonic seconds.

    One check's delivery that fails makes that check wait; two checks' deliveries that fail are an outage, in which all
    wait and one at a time probes. The emitter's thread owns it.
    """

    def __init__(
        self,
        limiter: Limiter,
        problems: DeliveryProblems,
        rng: random.Random,
        on_bad_key: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_bad_key = on_bad_key
        self._limiter = limiter
        self._problems = problems
        self._rng = rng
        self._waits: dict[int, float] = {}
        self._tries = 0
        self._gate = 0.0
        self._fresh_gate = 0.0

    def wait(self, due: Sequence[Due], now: float) -> float:
        """Return the seconds until any request may start."""
        if self._waits:
            self._waits = {one.seq: self._waits[one.seq] for one in due if one.seq in self._waits}
        gate = self._fresh_gate if any(one.attempts == 0 for one in due) else self._gate
        return max(gate - now, self._limiter.wait(now))

    def ready(self, due: Sequence[Due], now: float) -> list[Due]:
        return ready(due, self._waits, now)

    def choose(self, due: Sequence[Due], now: float) -> Due | float:
        """Return the delivery to send now, or the seconds until one may be sent."""
        return choose(due, self._waits, self._problems.now is DeliveryProblem.OUTAGE, now)

    def count_request(self, now: float) -> None:
        self._limiter.count(now)

    def nobody_waits(self) -> None:
        """Something got through, so others may as well: they are tried now, not when their time comes."""
        self._waits.clear()

    def learn(self, about: Due, answer: Answer, now: float) -> None:
        """Decide from an answer who waits, and for how long."""
        if answer.verdict in (Verdict.DELIVERED, Verdict.REFUSED):
            self._on_success(about)
        elif answer.verdict is Verdict.UNAVAILABLE:
            self._on_failure(about, answer, now)
        else:
            self._gate = self._fresh_gate = now + wait_after(answer, 1, self._rng)
            bad_key = answer.verdict is Verdict.BAD_KEY
            self._problems.say(DeliveryProblem.BAD_KEY if bad_key else DeliveryProblem.THROTTLED, about, answer.text)
            if bad_key:
                self._on_bad_key()

    def _on_success(self, about: Due) -> None:
        self._tries, self._gate, self._fresh_gate = 0, 0.0, 0.0
        self._waits.pop(about.seq, None)
        if self._problems.now is not DeliveryProblem.ONE_CHECK:
            self._waits.clear()
        if not self._waits:
            self._problems.over()

    def _on_failure(self, about: Due, answer: Answer, now: float) -> None:
        self._tries += 1
        self._waits[about.seq] = now + wait_after(answer, about.attempts + 1, self._rng)
        if len(self._waits) == 1:
            # The server itself asking for a pause speaks for all.
            self._gate = self._fresh_gate = now + pause_of(answer)
            self._problems.say(DeliveryProblem.ONE_CHECK, about, answer.text)
            return
        wait = wait_after(answer, self._tries, self._rng)
        self._gate, self._fresh_gate = now + wait, now + max(pause_of(answer), min(wait, FRESH_WAIT))
        self._problems.say(DeliveryProblem.OUTAGE, about, answer.text)


def backoff(tries: int, rng: random.Random) -> float:
    """Return seconds: 1, 2, 4 ... up to 5 minutes, each cut by up to half so that a fleet does not come as one."""
    # 20: far more than LONGEST_WAIT, and far less than a power that Python cannot hold.
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 20)) * rng.uniform(0.5, 1.0)


def pause_of(answer: Answer) -> float:
    """Return the seconds that one that is down asks for: its maintenance page says an hour, and is gone sooner."""
    return min(answer.retry_after, LONGEST_WAIT)


def wait_after(answer: Answer, tries: int, rng: random.Random) -> float:
    """Return the seconds to wait after the answer to the latest of `tries` failed tries."""
    if answer.verdict is Verdict.BAD_KEY:
        return BAD_KEY_WAIT * rng.uniform(0.8, 1.0)
    if answer.verdict is Verdict.THROTTLED:
        return answer.retry_after * rng.uniform(1.0, 1.2) or rng.uniform(*THROTTLED_WAIT)
    return max(pause_of(answer), backoff(tries, rng))
