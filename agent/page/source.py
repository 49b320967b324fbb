"""What the page shows, read from the store beside the agent: nobody who looks holds up who writes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import msgspec

from agent.config.settings import Config
from agent.store import Delivery, Store
from agent.view.compose import compose
from agent.view.explanation import SettingView, settings
from agent.view.reading import known, silences
from agent.view.snapshot import CheckView, Snapshot

LEAST_SECONDS = 1.0
SHARE = 0.05
"""Of one processor: what was costly to make is shown for longer, however many look."""
MOST_KEPT = 64
DELIVERIES = 50
"""How many of a check are shown."""


class CheckPage(msgspec.Struct, frozen=True):
    """All that one check's page shows."""

    at: int
    check: CheckView
    settings: tuple[SettingView, ...]
    deliveries: tuple[Delivery, ...]


class Source:
    """Any thread may ask; every method raises StoreError when the store cannot be read."""

    def __init__(
        self,
        directory: Path,
        config: Callable[[], Config],
        host: Callable[[], dict[str, str]],
        hide: Callable[[str], str],
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._directory = directory
        self._config = config
        self._host = host
        self._hide = hide
        self._now = now
        self.kept = Kept()

    def host(self) -> str:
        return self._host().get("host", "")

    def snapshot(self) -> Snapshot:
        with contextlib.closing(Store.read(self._directory)) as store:
            return self._composed(store)

    def check(self, name: str) -> CheckPage | None:
        """Return one check's page, None when there is no such check."""
        with contextlib.closing(Store.read(self._directory)) as store:
            seen = self._composed(store)
            if (check := seen.checks.get(name)) is None:
                return None
            written = settings(check.config, self._hide) if check.config else []
            return CheckPage(seen.at, check, tuple(written), tuple(store.history.of_check(name, DELIVERIES)))

    def _composed(self, store: Store) -> Snapshot:
        return compose(known(store, silences(self._directory), self._directory), self._config(), self._now())


class Kept:
    """What was made is shown again for a while. Any thread may ask; the lock is between those who look: one makes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[Hashable, tuple[float, Any]] = {}
        """Until when it is good, in monotonic seconds, and what it is."""

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what `make` returned for this key a moment ago, or have it made now."""
        with self._lock:
            until, found = self._made.get(key, (0.0, None))
            begin = self._clock()
            if begin < until:
                return found
            found = make()
            took = self._clock() - begin
            if len(self._made) >= MOST_KEPT:
                self._made.clear()
            self._made[key] = (begin + took + max(LEAST_SECONDS, took / SHARE), found)
            return found
