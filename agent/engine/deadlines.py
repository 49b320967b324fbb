"""Pure: one book of what is due when. What has no deadline any more is not in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")

TOLERANCE_SECONDS = 0.001
"""What adding up spans costs in exactness: a millisecond too soon is in time."""


class DeadlineBook(Generic[Key]):
    """When something is due, by its key: the one thread that uses it looks at `next`.

    Times are monotonic seconds. What was the earliest and is not any more is looked for anew when somebody asks.
    """

    def __init__(self) -> None:
        self._at: dict[Key, float] = {}
        self._next = math.inf
        """Never later than the earliest."""
        self._is_exact = True
        """False: the key that it was of has another deadline now, or none."""

    def __len__(self) -> int:
        return len(self._at)

    @property
    def next(self) -> float:
        """Return the earliest deadline; infinity where there is none."""
        if not self._is_exact:
            self._next, self._is_exact = min(self._at.values(), default=math.inf), True
        return self._next

    def set(self, key: Key, at: float) -> None:
        """Have it due at this moment, whenever it was due before."""
        self._leave(self._at.get(key, math.inf))
        self._at[key] = at
        self._next = min(self._next, at)

    def not_later(self, key: Key, at: float) -> None:
        """Have it due at this moment, unless it is due sooner."""
        self.set(key, min(at, self._at.get(key, at)))

    def drop(self, key: Key) -> None:
        self._leave(self._at.pop(key, math.inf))

    def _leave(self, at: float) -> None:
        if at <= self._next:
            self._is_exact = False

    def keep(self, keeps: Callable[[Key], bool]) -> None:
        """Forget all others."""
        self._at = {key: at for key, at in self._at.items() if keeps(key)}
        self._is_exact = False

    def take(self, now: float) -> list[tuple[Key, float]]:
        """Return what is due, and since when; it is in the book no more."""
        if now + TOLERANCE_SECONDS < self._next:
            return []
        due = [(key, at) for key, at in self._at.items() if at <= now + TOLERANCE_SECONDS]
        for key, _ in due:
            del self._at[key]
        self._is_exact = False
        return due
