"""Many checks of one server do not all connect at one moment: a few at once, the others one after the other."""

from __future__ import annotations

import threading

AT_ONCE = 32
"""Connections to one address without a wait."""
PAUSE_SECONDS = 0.002
"""Between further ones."""
LONGEST_SECONDS = 1.0
"""No connection waits for longer, whatever the crowd: a server that hangs must not hold up those who would say so."""
MOST_ADDRESSES = 1000
"""Addresses; beyond that, those nobody waits for are forgotten."""


class Crowd:
    """Knows until when the connections to each address are spread. Any thread may ask; one lock over all of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken_until: dict[str, float] = {}
        """Up to which moment the turns are taken, monotonic seconds."""

    def wait(self, address: str, now: float, timeout: float) -> float:
        """Take a turn; return for how many seconds to wait for it, a tenth of the run's `timeout` at the most."""
        with self._lock:
            if len(self._taken_until) > MOST_ADDRESSES:
                self._taken_until = {one: until for one, until in self._taken_until.items() if until > now}
            free = max(self._taken_until.get(address, 0.0), now - AT_ONCE * PAUSE_SECONDS)
            turn = min(free + PAUSE_SECONDS, now + LONGEST_SECONDS)
            self._taken_until[address] = turn
        return min(max(0.0, turn - now), timeout / 10)


CROWD = Crowd()
"""Of the whole agent."""
