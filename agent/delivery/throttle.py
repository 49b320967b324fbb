"""Pure: how fast events may go out, and how long to wait after what went wrong."""

from __future__ import annotations

import random
from collections import deque

from agent.delivery.sinks.truewatch.answers import Answer, Verdict

FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
BAD_KEY_WAIT = 300.0
THROTTLED_WAIT = (15.0, 60.0)


class Limiter:
    """No more than `rate` requests in any 60 seconds; below one a minute: one every 60 / `rate` seconds.

    A sliding window and not a bucket, whose burst and refill would let twice the rate into one minute. The last quarter
    of its requests is spread over what is left of it: what comes after a burst waits seconds and not a minute.
    """

    def __init__(self, rate: float) -> None:
        self._most = max(1, int(rate))
        self._window = 60.0 / min(1.0, rate)
        self._ends: deque[float] = deque(maxlen=self._most)

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may start; `now` on the monotonic clock."""
        counted = [end for end in self._ends if end > now - self._window]
        if len(counted) < self._most - self._most // 4:
            return 0.0
        latest, free_again = counted[-1], counted[0] + self._window
        return max(0.0, latest + (free_again - latest) / (self._most - len(counted) + 1) - now)

    def ended(self, now: float) -> None:
        """Count a request, by its end: the API counted it at some moment before."""
        self._ends.append(now)


def backoff(tries: int, rng: random.Random) -> float:
    """Return seconds: 1, 2, 4 ... up to 5 minutes, each cut by up to half so that a fleet does not come as one."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 20)) * rng.uniform(0.5, 1.0)


def wait_after(answer: Answer, tries: int, rng: random.Random) -> float:
    """Return the seconds to wait after the answer to the latest of `tries` failed tries."""
    if answer.verdict is Verdict.BAD_KEY:
        return BAD_KEY_WAIT * rng.uniform(0.8, 1.0)
    if answer.verdict is Verdict.THROTTLED:
        return answer.retry_after * rng.uniform(1.0, 1.2) or rng.uniform(*THROTTLED_WAIT)
    return max(answer.retry_after, backoff(tries, rng))
