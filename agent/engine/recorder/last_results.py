"""The last results of what is not run by the agent: no fresh one is to be had, so they are judged again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from agent.engine.state.transition import Transition
from agent.model import Outcome, Pushed, Result, Status
from agent.store import LastRun

Key = tuple[str, str]
"""Check and subject."""


class LastResults:
    """Owned by the recorder's thread."""

    def __init__(self, runs: Iterable[LastRun]) -> None:
        self._last: dict[Key, Result] = {}
        self._known: dict[Key, Result] = {}
        """The same, but for what only says that nothing came since."""
        self._at_start: dict[Key, Status] = {}
        """Of every subject, until the first configuration is taken over."""
        for run in runs:
            self._at_start[run.check, run.subject] = run.result.status
            self._last[run.check, run.subject] = run.result
            self._known[run.check, run.subject] = run.before or run.result

    def __contains__(self, key: Key) -> bool:
        return key in self._last

    def __iter__(self) -> Iterator[Key]:
        return iter(self._last)

    def get(self, key: Key) -> Result | None:
        return self._last.get(key)

    def at_start(self, key: Key) -> Status | None:
        """Return the status of the last result before this start, also of what the agent runs; None: not known."""
        return self._at_start.get(key)

    def forget_start(self) -> None:
        self._at_start = {}

    def note(self, key: Key, result: Result, outcome: Outcome) -> Result | None:
        """Note a result; where it only says that nothing came, return what is known from before."""
        self._last[key] = result
        if outcome.pushed is Pushed.NOT and result.status is Status.NODATA:
            return self._known.get(key)
        self._known[key] = result
        return None

    def missing(self) -> list[tuple[Key, Result]]:
        """Return what was known of those of which it was said that nothing came since."""
        return [(key, result) for key, result in self._known.items() if self._last[key] is not result]

    def is_true(self, key: Key) -> None:
        """What was known is so after all."""
        self._last[key] = self._known[key]

    def forget(self, key: Key) -> None:
        self._last.pop(key, None)
        self._known.pop(key, None)

    def keep(self, keeps: Callable[[Key], bool]) -> None:
        """Forget all others."""
        self._last = {key: result for key, result in self._last.items() if keeps(key)}
        self._known = {key: result for key, result in self._known.items() if keeps(key)}


def as_last_run(step: Transition, outcome: Outcome, next_at: int, before: Result | None) -> LastRun:
    """Return what is kept of a result; `next_at` in Unix milliseconds, `before` what is known from before it. Pure."""
    return LastRun(
        check=step.state.check,
        subject=step.state.subject,
        result=step.result,
        at=step.at,
        duration=outcome.duration,
        next_at=next_at,
        before=before,
        is_no_run=not outcome.type and outcome.pushed is Pushed.NOT,
    )
