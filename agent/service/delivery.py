"""The way out of this host: the destinations at work, and what the agent says of its own start and end."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping

from agent.config.diff import running
from agent.config.settings import Config
from agent.delivery.answer import Hide
from agent.delivery.emitters import Emitters
from agent.engine.composer import Composer
from agent.engine.destinations import Plan, destinations_outcome
from agent.engine.recorder.commands import Command
from agent.plugin.clock import wall_clock
from agent.store import Store, StoreError

log = logging.getLogger("hostvigil")


class Destinations:
    """The service's thread applies and stops, the recorder's adopts, any thread wakes."""

    def __init__(
        self, store: Store, composer: Composer, config: Config, on_bad_key: Callable[[], None], hide: Hide
    ) -> None:
        self._store = store
        self._composer = composer
        self._config = config
        self._emitters = Emitters(store.outbox, composer.of_agent, store.append, on_bad_key, hide)
        self.wake = self._emitters.wake
        self._started = False

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration. Its destinations come when the recorder has adopted them."""
        self._config = new

    def take_over(self, plan: Plan, ended_counts: Mapping[str, int]) -> Command:
        """Go on with the destinations that are taken over; return what the agent's own check says of them."""
        if not self._started:
            self._started = True
            self._say(f"started, checks: {len(running(self._config))}")
        self._emitters.apply(self._config.agent, [one.name for one in plan.destinations])
        for name in plan.on_hold:
            log.warning("what waits for %s is kept and not sent: its settings cannot be read", name)
        return destinations_outcome(plan, ended_counts, wall_clock())

    def stop(self) -> None:
        self._say("stopped")
        self._emitters.stop(farewell=self._config.agent.events.start_stop)

    def _say(self, text: str) -> None:
        """Tell of the agent's own start and end, where that is wanted; a full disk is no reason not to start."""
        if self._config.agent.events.start_stop:
            with contextlib.suppress(StoreError):
                self._store.append(self._composer.of_agent("agent", text))
                self.wake()
