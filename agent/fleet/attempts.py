"""Pure: which request is repeated and when, and which fold is taken apart because it does not get through."""

from __future__ import annotations

import random
from collections.abc import Iterable

from agent.delivery.answer import Verdict
from agent.delivery.throttle import backoff
from agent.fleet.ledger import Intent

MOST_IN_FOLD = 1_000
FOLD_TRIES = 5
"""A fold that failed so often, while others got through, is taken apart: it may be what does not get through."""


class Attempts:
    """What became of the requests of one session. The relay's loop owns it; times are monotonic seconds."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.most = MOST_IN_FOLD
        """So many changes may be in a fold."""
        self._running: set[str] = set()
        self._tries: dict[str, int] = {}
        self._waits: dict[str, float] = {}
        self._others_pass = False

    def due(self, intents: Iterable[Intent], now: float) -> Intent | None:
        """Return an intent to send now: not done, not on its way, its pause over. Its bytes never change."""
        waiting = (one for one in intents if one.id not in self._running)
        free = [one for one in waiting if self._waits.get(one.id, 0.0) <= now]
        return min(free, key=lambda one: self._tries.get(one.id, 0), default=None)

    def begin(self, intent: Intent) -> None:
        self._running.add(intent.id)

    def end(self, intent: Intent) -> None:
        self._running.discard(intent.id)

    def note_success(self) -> None:
        """A request got through."""
        self._others_pass = True
        self.most = min(MOST_IN_FOLD, 2 * self.most)

    def note_failure(self, intent: Intent, verdict: Verdict, now: float) -> int:
        """A request failed; return how often it has failed."""
        tries = self._tries[intent.id] = self._tries.get(intent.id, 0) + 1
        # What the key or the limit is at fault for may go with another key at once.
        pause = backoff(tries, self._rng) if verdict is Verdict.UNAVAILABLE else 0.0
        self._waits[intent.id] = now + pause
        return tries

    def is_stuck(self, intent: Intent) -> bool:
        """Tell whether a fold is to be taken apart."""
        return len(intent.members) > 1 and self._tries.get(intent.id, 0) >= FOLD_TRIES and self._others_pass

    def note_split(self, intent: Intent) -> None:
        """A fold was taken apart: the next one has half of its changes at most."""
        self.most = max(1, len(intent.members) // 2)
