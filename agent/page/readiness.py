"""Whether the agent can do its work: its configuration is read, its store takes writes, its destinations answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from agent.config.settings import Config
from agent.store import Store, StoreError

PROBE = "probe"
"""The name of the fact that is written to see whether anything can be."""
PROBE_SECONDS = 5.0
"""A write is tried at most so often, however many ask."""


class Ready(msgspec.Struct, frozen=True):
    """The answer of /readyz: ok, or in a sentence what is wrong."""

    ready: bool
    configuration: str
    store: str
    destinations: dict[str, str]


class Readiness:
    """Any thread may ask, but one at a time."""

    def __init__(
        self, store: Store, config: Callable[[], Config], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._config = config
        self._monotonic = monotonic
        self._tried_at = -PROBE_SECONDS
        self._store_says = ""

    def __call__(self) -> Ready:
        # What is wrong in a single check is that check's own status.
        configuration = "ok" if self._config().complete else "not all of it can be read, see hostvigil validate"
        store = self._probe_store()
        destinations = self._destinations()
        answers = (configuration, store, *destinations.values())
        return Ready(all(one == "ok" for one in answers), configuration, store, destinations)

    def _probe_store(self) -> str:
        if self._monotonic() - self._tried_at >= PROBE_SECONDS:
            self._tried_at = self._monotonic()
            try:
                self._store.keep_fact(PROBE, str(time.time_ns()))
                self._store_says = "ok"
            except StoreError as error:
                self._store_says = str(error)
        return self._store_says

    def _destinations(self) -> dict[str, str]:
        try:
            backlog, progress = self._store.history.backlog(), self._store.history.progress()
        except StoreError:
            return {}
        return {name: (progress[name].trouble if name in progress else "") or "ok" for name in backlog}
