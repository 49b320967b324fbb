"""What the page shows, read from the store beside the agent: nobody who looks holds up who writes."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agent.config.files.changed import name_changes
from agent.config.settings import Config, has_runs
from agent.model import Silence
from agent.plugin.clock import wall_clock
from agent.store import Delivery, Store, StoreError
from agent.system.heap import give_back
from agent.view.compose import compose
from agent.view.explanation import SettingView, settings
from agent.view.history.reading import Past, Recent, past, recent
from agent.view.history.switch import find_section
from agent.view.reading import read_store, silences
from agent.view.snapshot import CheckView, Snapshot

log = logging.getLogger("hostvigil.page")

T = TypeVar("T")

LEAST_SECONDS = 1.0
SHARE = 0.05
"""Of one processor: what was costly to make is shown for longer, however many look."""
MOST_ENTRIES = 64
"""Pages that are kept; whoever asks for one after the other does not fill the memory."""
DELIVERIES = 50
"""How many of a check are shown."""


DAY = 86_400_000


class Overview(msgspec.Struct, frozen=True):
    """All that the first page shows."""

    snapshot: Snapshot
    recent: Recent | None = None
    """Of the last day; None: no history is kept."""
    changed: tuple[str, ...] = ()
    """Files of the configuration that are others by now than those that were taken over."""


class CheckPage(msgspec.Struct, frozen=True):
    """All that one check's page shows."""

    at: int
    running: bool
    check: CheckView
    settings: tuple[SettingView, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    past: Past | None = None
    """The last day; None: no history is kept."""
    silences: tuple[Silence, ...] = ()
    """In force, of all checks."""

    @property
    def runs(self) -> bool:
        """The agent at work can run it."""
        config = self.check.config
        return self.running and config is not None and config.enabled and has_runs(config)


class Source:
    """Any thread may ask; every method raises StoreError when the store cannot be read."""

    def __init__(
        self,
        directory: Path,
        config: Callable[[], Config],
        host: Callable[[], dict[str, str]],
        hide: Callable[[str], str],
        now: Callable[[], int] = wall_clock,
    ) -> None:
        self._directory = directory
        self._config = config
        self._host = host
        self._hide = hide
        self._now = now
        self.cache = Cache()

    def host(self) -> str:
        return self._host().get("host", "")

    def snapshot(self) -> Snapshot:
        with contextlib.closing(Store.read(self._directory)) as store:
            return self._compose(store)

    def overview(self) -> Overview:
        snapshot = self.snapshot()
        history = self._history(lambda: recent(self._directory, snapshot.at - DAY))
        return Overview(snapshot, history, name_changes(self._config()))

    def check(self, name: str) -> CheckPage | None:
        """Return one check's page, None when there is no such check."""
        with contextlib.closing(Store.read(self._directory)) as store:
            snapshot = self._compose(store)
            if (check := snapshot.checks.get(name)) is None:
                return None
            rows = settings(check.config, self._hide) if check.config else []
            deliveries = tuple(store.history.of_check(name, DELIVERIES))
        history = self._history(lambda: past(self._directory, name, snapshot.at - DAY, snapshot.at))
        return CheckPage(
            at=snapshot.at,
            running=snapshot.agent.running,
            check=check,
            settings=tuple(rows),
            deliveries=deliveries,
            past=history,
            silences=snapshot.silences,
        )

    def _history(self, read: Callable[[], T]) -> T | None:
        """Read the history; one that cannot be read keeps nobody from the rest."""
        try:
            return read() if find_section(self._config()) else None
        except StoreError as error:
            log.info("the page is without the past: %s", error)
            return None

    def _compose(self, store: Store) -> Snapshot:
        return compose(read_store(store, silences(self._directory), self._directory), self._config(), self._now())


class Cache:
    """What was made is shown again for a while. Any thread may ask; the lock is between those who look: one makes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[Hashable, tuple[float, Any]] = {}
        """Until when it is good, in monotonic seconds, and what it is."""

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what `make` returned for this key a moment ago, or have it made now."""
        with self._lock:
            until, value = self._entries.get(key, (0.0, None))
            begin = self._clock()
            if begin < until:
                return value
            self._entries = {name: entry for name, entry in self._entries.items() if begin < entry[0]}
            value = make()
            give_back()
            took = self._clock() - begin
            if len(self._entries) >= MOST_ENTRIES:
                self._entries.clear()
            self._entries[key] = (begin + took + max(LEAST_SECONDS, took / SHARE), value)
            return value

    def clear(self) -> None:
        """Forget it: somebody changed something, and is to see it."""
        with self._lock:
            self._entries.clear()
