"""Pure: how much of one host is looked at, so that a host that floods the broker takes nobody's turn."""

from __future__ import annotations

import math
from collections import deque

import msgspec

from agent.fleet.making import QUOTA

PER_SECOND = 100.0
ROUNDING = 1e-6


class Late(msgspec.Struct, frozen=True):
    """A message that is looked at later: where it stands in the broker."""

    number: int
    at: float
    """When the broker took it, Unix seconds."""
    word: str


class Quota:
    """As many at once as the broker keeps of a host, then so many a second. The relay's loop owns it.

    What is beyond stays in the broker, which takes no more of this host until it is looked at. Times are monotonic
    seconds.
    """

    def __init__(self, burst: float = QUOTA, per_second: float = PER_SECOND) -> None:
        self._burst = burst
        self._per_second = per_second
        self._full_at: dict[str, float] = {}
        """When a host may have all at once again, monotonic seconds; in the past: now."""
        self._late: dict[str, deque[Late]] = {}

    def passes(self, message: Late, now: float) -> bool:
        """Tell whether a message is looked at now; if not, `due` returns it when its turn comes."""
        if message.word not in self._late and self._take(message.word, now):
            return True
        self._late.setdefault(message.word, deque()).append(message)
        return False

    def due(self, now: float) -> list[Late]:
        """Return the late messages that may be looked at now, in each host's order."""
        messages: list[Late] = []
        for word, waiting in list(self._late.items()):
            while waiting and self._take(word, now):
                messages.append(waiting.popleft())
            if not waiting:
                del self._late[word]
        self._full_at = {word: at for word, at in self._full_at.items() if at > now}
        return messages

    def _take(self, word: str, now: float) -> bool:
        full_at = max(self._full_at.get(word, -math.inf), now) + 1 / self._per_second
        if full_at - now > self._burst / self._per_second + ROUNDING:
            return False
        self._full_at[word] = full_at
        return True
