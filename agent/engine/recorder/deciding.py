"""Outcomes and configurations in, changes of state out: `state` and `suppression` applied to what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.engine.recorder.changes import is_gone, with_settings
from agent.engine.recorder.commands import RecorderConfig
from agent.engine.recorder.pending import PendingWrites
from agent.engine.state.transition import Transition, advance, apply_result
from agent.engine.suppression.reasons import DOWN
from agent.model import Outcome, Policy, Reason, Result, State, Status
from agent.store import Change, LastRun

RETIRED = "no longer configured on this host"


class Decider:
    """Owned by the recorder's thread. The states here are ahead of the written ones while the disk takes nothing."""

    def __init__(
        self,
        states: Iterable[State],
        config: RecorderConfig,
        pending: PendingWrites,
        retry: Callable[[str, float], None],
        next_run: Callable[[str], int],
        wall: Callable[[], int],
    ) -> None:
        self._states: dict[str, dict[str, State]] = {}
        for state in states:
            self._states.setdefault(state.check, {})[state.subject] = state
        self._config = config
        self._children: dict[str, list[str]] = {}
        self._pending = pending
        self._retry = retry
        self._next_run = next_run
        self._wall = wall

    def configure(self, config: RecorderConfig) -> None:
        """Take over the configuration: what is gone is closed and forgotten, what is unchanged keeps its state."""
        for check, states in list(self._states.items()):
            if is_gone(states.values(), config.checks.get(check), config.retire):
                self._retire(check)
        self._config = config
        self._children = {}
        for child in config.checks.values():
            for parent in child.depends_on.checks:
                self._children.setdefault(parent, []).append(child.name)

    @property
    def states(self) -> Iterator[State]:
        """Yield what is believed of every subject."""
        return (state for subjects in self._states.values() for state in subjects.values())

    def is_meant(self, outcome: Outcome) -> bool:
        """Tell whether the outcome is of a check as it is configured now: a reload may have removed it as it ran."""
        config = self._config.checks.get(outcome.check)
        return config is not None and outcome.type in ("", config.type)

    def take(self, outcome: Outcome) -> None:
        """Decide what an outcome changes."""
        config = self._config.checks[outcome.check]
        states = self._states.setdefault(outcome.check, {})
        observed = outcome.started_at + round(outcome.duration * 1000)
        suppression = self._config.suppress(self._states)

        def reasons(subject: str) -> tuple[Reason, ...]:
            return suppression.reasons(config, subject, outcome.started_at, observed)

        for step in advance(states, outcome, config.policy, observed, reasons):
            self._moved(with_settings(step, outcome), outcome, config)
        if outcome.memory is not None:
            self._pending.remember(outcome.check, outcome.memory)

    def _moved(self, step: Transition, outcome: Outcome, config: CheckConfig) -> None:
        check, subject = step.state.check, step.state.subject
        if step.last:
            self._close(step, config)
            del self._states[check][subject]
            return
        if step.report or step.state != step.before:
            self._pending.change(self._change(step, config))
        self._states[check][subject] = step.state
        next_at = self._next_run(check)
        self._pending.note(LastRun(check, subject, step.result, step.at, outcome.duration, next_at))
        self._look_again(step, config)

    def _retire(self, check: str) -> None:
        """Close what is open of a check and forget it, all in the next transaction."""
        self._pending.forget(check)
        for state in self._states.pop(check).values():
            gone = Result(Status.OK, RETIRED, state.subject)
            step = apply_result(state, gone, Policy(flapping=None), self._wall())
            config = self._config.checks.get(check)
            if config is None or state.type not in ("", config.type):  # as after a restart: what it was is not known
                config = CheckConfig(check, state.type, Check(), Place(""))
            self._pending.change(msgspec.structs.replace(self._change(step, config), last=True))

    def _close(self, step: Transition, config: CheckConfig) -> None:
        """Close what is open of a subject and forget it, all in the next transaction."""
        change = msgspec.structs.replace(self._change(step, config), last=True)
        self._pending.forget(step.state.check, step.state.subject)
        self._pending.change(change)

    def _change(self, step: Transition, config: CheckConfig) -> Change:
        return Change(step.state, self._config.compose(step.report, step, config) if step.report else None)

    def _look_again(self, step: Transition, config: CheckConfig) -> None:
        """Have a run sooner where it will matter: undecided, a reason to be silent ends, a parent is well again."""
        if step.undecided and config.retry_interval:
            self._retry(config.name, config.retry_interval)
        for reason in step.suppressed_by:
            if reason.until:
                self._retry(config.name, max(0, reason.until - step.at) / 1000)
        if step.before.decided in DOWN and step.state.decided not in DOWN:
            for child in self._children.get(config.name, ()):
                if any(state.suppressed_by for state in self._states.get(child, {}).values()):
                    self._retry(child, 0.0)
