"""The destinations are taken over: who is new is told what stands, who is gone is told no more."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from agent.api import Check
from agent.config.sections.destination import TERMINAL
from agent.config.settings import CheckConfig, Place
from agent.engine.destinations import as_known, plan, unknown_problems
from agent.engine.notifications import under_one_name
from agent.engine.recorder.commands import RecorderConfig
from agent.model import Destination, Notification, Result, State, Status
from agent.plugin.clock import Clocks
from agent.store import KnownProblems, Store, StoreError

log = logging.getLogger("hostvigil.recorder")

RETRY_SECONDS = 5.0
"""Between tries while the disk takes nothing."""


class Adoption:
    """Brings the store in line with the destinations that the configuration names. The recorder's thread owns it.

    `on_events` is called when something new is to be told.
    """

    def __init__(self, store: Store, on_events: Callable[[], None], clocks: Clocks) -> None:
        self._store = store
        self._on_events = on_events
        self._clocks = clocks
        self._config: RecorderConfig | None = None
        self.next_try = math.inf
        """When there is something to take over, in monotonic seconds."""

    def configure(self, config: RecorderConfig) -> None:
        self._config, self.next_try = config, 0.0

    def again(self) -> None:
        """Have who forgot what he was told, told what stands."""
        self.next_try = 0.0

    def take_over(self, states: Iterable[State]) -> None:
        """Do it if it is due; while it cannot be written it stays due."""
        if self._store.was_replaced():
            self.again()
        if self._config is None or self._clocks.monotonic() < self.next_try:
            return
        try:
            self._take_over(self._config, list(states), self._clocks.wall())
        except StoreError as error:
            log.error("the destinations cannot be taken over yet: %s", error)
            self.next_try = self._clocks.monotonic() + RETRY_SECONDS
            return
        self._on_events()

    def _take_over(self, config: RecorderConfig, states: Sequence[State], now: int) -> None:
        stored = self._store.history.destinations()
        new_plan = plan(stored, config.targets, self._store.ever_configured(but=TERMINAL))
        results = {(run.check, run.subject): run.result for run in self._store.last_runs()}
        tags = {name: {**config.tags, **check.tags} for name, check in config.checks.items()}

        def standing(to: Destination, known: KnownProblems) -> list[Notification]:
            if config.compose_standing is None:
                return []
            return [
                as_known(
                    under_one_name(
                        state, config.compose_standing(state, _result(state, results), _check(state, config), to)
                    )[1],
                    known,
                )
                for state in unknown_problems(states, known, to.only, tags)
            ]

        ended_counts = self._store.adopt(new_plan.destinations, new_plan.removed, now, standing)
        self.next_try = math.inf
        for name, count in ended_counts.items():
            log.warning("the destination %s was removed: %d notifications were never told to it", name, count)
        if config.on_adoption:
            config.on_adoption(new_plan, ended_counts)


def _result(state: State, results: Mapping[tuple[str, str], Result]) -> Result:
    """Return the last result of a subject; where it is not known, what is believed."""
    result = results.get((state.check, state.subject))
    return result or Result(state.decided or Status.NODATA, "", state.subject)


def _check(state: State, config: RecorderConfig) -> CheckConfig:
    return config.checks.get(state.check) or CheckConfig(state.check, state.type, Check(), Place(""))
