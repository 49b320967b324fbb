"""Pure: why a subject is not reported on now. Results move its state all the same. Times are Unix milliseconds.

A result counts as fresh only if its run began after the last reason had ended: what was seen during a maintenance, or
while a parent was still down, is not told when it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

import msgspec

from agent.config.selector import matches
from agent.config.settings import AgentSettings, CheckConfig, DependsOn, Maintenance
from agent.model import Reason, ReasonKind, Silence, State, Status
from agent.plugin.units import clock_text

DOWN = (Status.CRITICAL, Status.NODATA)
"""A parent in warning still does its work: its children's problems are their own."""

CLOCK_SET_BACK = 60_000
"""Milliseconds; a change that is to come later than this was seen before the clock was set back, not just now."""

Ends = Callable[[Maintenance, int], int]
"""Tells when the window that is open at a moment ends, both in Unix milliseconds; 0 when none is open."""


class Suppression(msgspec.Struct, frozen=True):
    """What there is at a moment that may suppress."""

    tags: Mapping[str, str]
    """The agent's own, which every check has too."""
    silences: tuple[Silence, ...]
    windows: tuple[Maintenance, ...]
    ends: Ends
    states: Mapping[str, Mapping[str, State]]
    """By check and subject."""
    running: Container[str]
    """Checks that run: what was last seen of another, or that it is written wrong, says nothing of its children."""
    checks: Mapping[str, CheckConfig] = {}
    """All of them: a parent that cannot be reached itself says nothing of its children either."""

    @classmethod
    def at_work(
        cls,
        agent: AgentSettings,
        checks: Mapping[str, CheckConfig],
        silences: tuple[Silence, ...],
        ends: Ends,
        states: Mapping[str, Mapping[str, State]],
    ) -> Suppression:
        """Return what may suppress where these settings are at work, and all of these checks run."""
        return cls(agent.tags, silences, agent.maintenance, ends, states, running=checks, checks=checks)

    def reasons(self, check: CheckConfig, subject: str, started_at: int, now: int) -> tuple[Reason, ...]:
        """Return why nothing is told of a result whose run began at `started_at`; both in Unix milliseconds."""
        tags = {**self.tags, **check.tags}
        return (
            *silence_reasons(self.silences, check.name, tags, subject, started_at),
            *in_maintenance(
                (*check.maintenance, *self._matching_windows(check.name, tags, subject)), self.ends, started_at, now
            ),
            *self._unreachable(check, started_at, now, frozenset()),
        )

    def _unreachable(self, check: CheckConfig, started_at: int, now: int, path: frozenset[str]) -> list[Reason]:
        """Follow the parents up: each is down itself, or behind one that is."""
        troubles = {name: self._trouble(name, started_at, now, path | {check.name}) for name in check.depends_on.checks}
        return unreachable(check.depends_on, troubles)

    def _trouble(self, parent: str, started_at: int, now: int, path: frozenset[str]) -> Reason | None:
        if parent not in self.running or parent in path:
            return None
        if reason := trouble(self.states.get(parent, {}), started_at, now):
            return reason
        config = self.checks.get(parent)
        return next(iter(self._unreachable(config, started_at, now, path)), None) if config else None

    def _matching_windows(self, check: str, tags: Mapping[str, str], subject: str) -> list[Maintenance]:
        return [window for window in self.windows if matches(window.select, check, tags, subject)]


def silence_reasons(
    silences: Iterable[Silence], check: str, tags: Mapping[str, str], subject: str, started_at: int
) -> list[Reason]:
    """Return the silences that a result of this subject falls under, its run begun at `started_at`."""
    return [
        Reason(f"silenced until {_clock(silence.until)}{_because(silence.reason)}", silence.until)
        for silence in silences
        if started_at < silence.until and matches(silence.selector, check, tags, subject)
    ]


def in_maintenance(windows: Iterable[Maintenance], ends: Ends, started_at: int, now: int) -> list[Reason]:
    """Return the windows that are open now, or were when the run began."""
    spans = ((window, ends(window, now) or ends(window, started_at)) for window in windows)
    return [
        Reason(f"maintenance until {_clock(end)}{_because(window.reason)}", end, ReasonKind.MAINTENANCE)
        for window, end in spans
        if end
    ]


def unreachable(on: DependsOn, troubles: Mapping[str, Reason | None]) -> list[Reason]:
    """Return why a check cannot be judged, by the troubles of its parents: of any of them, or only of all together."""
    down = [
        Reason(f"depends on {parent}, which {reason.text}", reason.until, ReasonKind.PARENT)
        for parent, reason in troubles.items()
        if reason
    ]
    return [] if on.all and len(down) < len(troubles) else down


def trouble(subjects: Mapping[str, State], started_at: int, now: int) -> Reason | None:
    """A parent without a result suppresses nothing; one that just recovered does, for what was seen before."""
    for state in subjects.values():
        if state.decided in DOWN:
            return Reason(f"is {state.decided}")
        if state.events and started_at < state.decided_since <= now + CLOCK_SET_BACK:
            return Reason("was down until just now", state.decided_since)
    return None


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _clock(at: int) -> str:
    return clock_text(at, "%Y-%m-%d %H:%M")
