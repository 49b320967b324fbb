"""Which runs truly happened, as the agent's own store tells: a skipped run must not flatter the figures."""

from __future__ import annotations

import time
from pathlib import Path

from agent.store import LastRun, Store, StoreError


class RunsSeen:
    """Collects the last runs again and again, more often than any check's interval."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._seen: dict[tuple[str, int], LastRun] = {}

    def look(self) -> None:
        try:
            store = Store.read(self._state)
            runs = store.last_runs()
        except StoreError:
            return  # the agent has not made it yet
        store.close()
        self._seen |= {(run.check, run.at): run for run in runs}

    def watch(self, until: float, every: float) -> None:
        """Look every so many seconds until a moment of the wall clock, and once more after the last note is written."""
        while time.time() < until:
            time.sleep(min(every, max(0.0, until - time.time())))
            self.look()

    def between(self, begin: float, end: float) -> list[LastRun]:
        """Return the runs that ended between two moments of the wall clock, in seconds."""
        return [run for run in self._seen.values() if begin * 1000 <= run.at < end * 1000]

    def firsts(self) -> dict[str, float]:
        """Return when each check gave its first result, wall clock in seconds."""
        first: dict[str, float] = {}
        for run in self._seen.values():
            first[run.check] = min(run.at / 1000, first.get(run.check, float("inf")))
        return first
