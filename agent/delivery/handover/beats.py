"""When a host says to the relay that it lives, and what it says."""

from __future__ import annotations

import random
from collections.abc import Callable

from agent.delivery.handover.message import encode_beat
from agent.model import Notification

MISSES = 3
"""So many signs of life must stay out before a host is missing."""
JITTER = 0.1
"""Part of the time by which one comes sooner: hosts that began together must not all connect together for ever."""


class Beats:
    """Signs of life of one host. Its emitter's thread owns it; times are monotonic seconds."""

    def __init__(self, seconds: float, about: Callable[[], Notification], rng: random.Random) -> None:
        """`about` gives the host's name and tags, as its events say them."""
        self._seconds = seconds
        self._about = about
        self._rng = rng
        self._next = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until the next is due."""
        return max(0.0, self._next - now)

    def message(self) -> bytes:
        return encode_beat(MISSES * self._seconds, self._about())

    def note_sent(self, now: float) -> None:
        self._next = now + self._seconds * (1 - JITTER * self._rng.random())
