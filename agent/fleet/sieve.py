"""Lets through what may be told now, holds back the rest, and says what need not be told any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from agent.fleet.holding import Holding, Queue, Remainder, level
from agent.fleet.mailbox import Key

LOOK_SECONDS = 1.0
"""What was held back is looked at again after so long, and after as many times that as there are thousands of it."""


class Sieve:
    """The relay's loop owns it. Times are monotonic seconds, but for the wall clock's, Unix milliseconds."""

    def __init__(self, holding: Holding, wall: Callable[[], int]) -> None:
        self.holding = holding
        self._wall = wall
        self._holds: dict[Key, tuple[float, Queue, str]] = {}
        """Until when a subject is not looked at, its changes then, and why they are held back."""

    def filter(self, ready: Sequence[Queue], now: float) -> tuple[list[Queue], list[tuple[Queue, Remainder]]]:
        """Return what may be told, and changes that were held back until now with what is left of them."""
        if not self.holding.is_active:
            self._holds.clear()
            return list(ready), []
        free: list[Queue] = []
        over: list[tuple[Queue, Remainder]] = []
        wall = self._wall()
        self._holds = {queue[0].key: hold for queue in ready if (hold := self._holds.get(queue[0].key))}
        again = now + LOOK_SECONDS * max(1.0, len(ready) / 1000)
        for queue in ready:
            if not self._is_held(queue, now, again, wall):
                if backlog := self._select_held(queue, wall):
                    over.append((backlog, level(backlog)))
                else:
                    free.append(queue)
        return free, over

    def _is_held(self, queue: Queue, now: float, again: float, wall: int) -> bool:
        until, last_queue, _ = self._holds.get(queue[0].key, (0.0, (), ""))
        if now < until and last_queue == queue:
            return True
        latest = queue[-1]
        reasons = self.holding.reasons(latest, wall, wall)
        why = "; ".join(reason.text for reason in reasons)
        if reasons or self.holding.waits(latest, wall):
            self._holds[latest.key] = (again, queue, why or "waits for what it depends on")
            return True
        self._holds.pop(latest.key, None)
        return False

    def _select_held(self, queue: Queue, wall: int) -> Queue:
        """Return the first changes of a subject that came while something held them back; none where that is done."""
        count = 0
        while count < len(queue) and self.holding.reasons(queue[count], queue[count].stored_at, wall):
            count += 1
        backlog = queue[:count]
        return () if all(letter.level for letter in backlog) else backlog

    def count_by_reason(self) -> dict[str, int]:
        """Return how many changes are held back, by the reason."""
        counts: Counter[str] = Counter()
        for _, queue, why in self._holds.values():
            counts[why] += len(queue)
        return dict(counts.most_common())
