"""How many requests may be made: one limiter a key, one for the workspace, and what to wait for after an answer."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from hashlib import blake2s

from agent.delivery.answer import Answer, Verdict
from agent.delivery.throttle import Limiter, wait_after


def fingerprint(key: str) -> str:
    """Name a key without saying it."""
    return blake2s(key.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


class KeyBudget:
    """One key: one request at a time, so many a minute, none while its last answer says so."""

    def __init__(self, name: str, rate: float) -> None:
        self.name = name
        self.limiter = Limiter(rate)
        self.busy = False
        self.not_before = 0.0
        self.problem = ""
        """Why it is not used now, as the last answer said; empty when it is well."""

    def wait(self, now: float) -> float:
        """Return the seconds until it may be used; infinite while it is at work. `now` in monotonic seconds."""
        return math.inf if self.busy else max(self.not_before - now, self.limiter.wait(now), 0.0)


HALVINGS = 10
"""So many requests find the one of the largest fold that something on the way does not like: no outage yet."""


class Budget:
    """All keys of a workspace. Times are monotonic seconds; the relay's loop owns it."""

    def __init__(self, keys: Sequence[str], rate: float, workspace_rate: float, rng: random.Random) -> None:
        self.keys = {fingerprint(key): KeyBudget(fingerprint(key), rate) for key in keys}
        self._workspace = Limiter(workspace_rate)
        self._rng = rng
        self._workspace_not_before = 0.0
        self._outage_tries = 0

    def free(self, now: float) -> int:
        """Return how many requests are left of this minute."""
        remaining = sum(key.limiter.remaining(now) for key in self.keys.values() if key.not_before <= now)
        return max(0, min(remaining, self._workspace.remaining(now)) - self._busy())

    def wait(self, now: float) -> float:
        """Return the seconds until a request may be made; infinite while all keys are at work."""
        workspace = max(self._workspace_not_before - now, self._workspace.wait(now, self._busy()))
        return max(workspace, min((key.wait(now) for key in self.keys.values()), default=math.inf))

    def take(self, now: float) -> str:
        """Return the key, by its fingerprint, for a request now: of those that may, the one with most left."""
        free = [key for key in self.keys.values() if key.wait(now) <= 0]
        best = max(free, key=lambda key: key.limiter.remaining(now))
        best.busy = True
        return best.name

    def remember(self, names: Iterable[tuple[str, float]]) -> None:
        """Count requests that somebody else made: the key's fingerprint and the moment."""
        for name, at in sorted(names, key=lambda one: one[1]):
            self._workspace.count(at)
            if name in self.keys:
                self.keys[name].limiter.count(at)

    def note_answer(self, name: str, answer: Answer, now: float) -> None:
        """Take note of the end of a request and of what its answer means for the key and for all."""
        key = self.keys[name]
        key.busy = False
        key.limiter.count(now)
        self._workspace.count(now)
        key.problem = answer.text if answer.verdict in (Verdict.BAD_KEY, Verdict.THROTTLED) else ""
        if key.problem:
            key.not_before = now + wait_after(answer, 1, self._rng)
        if answer.verdict is Verdict.THROTTLED and "Workspace" in answer.text:
            self._workspace_not_before = key.not_before
        if answer.verdict is not Verdict.UNAVAILABLE:
            self._outage_tries = 0
            return
        self._outage_tries += 1
        free = HALVINGS if answer.perhaps_of_this else 1
        if self._outage_tries > free:
            self._workspace_not_before = now + wait_after(answer, self._outage_tries - free, self._rng)

    def _busy(self) -> int:
        return sum(key.busy for key in self.keys.values())
