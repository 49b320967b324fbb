"""Pure: which pushed results are overdue: the dead man's switch.

Spans are counted on the monotonic clock; over a restart of the agent the wall clock bridges the gap, for a backup that
is awaited once a day must be missed although the agent restarts every night.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.api import PushedCheck
from agent.config.settings import CheckConfig
from agent.model import Outcome, Result, Status
from agent.plugin.units import duration_text

Key = tuple[str, str]
"""Check and subject."""


class DeadMansSwitch:
    """Of each check the subjects seen so far; a check that never had a result waits for its first, subject ''."""

    def __init__(self) -> None:
        self._checks: dict[str, PushedCheck] = {}
        self._last: dict[Key, float] = {}
        self._at: dict[Key, int] = {}
        self._since: dict[str, int] = {}
        self._began: dict[Key, float] = {}
        self._told: set[Key] = set()
        self.next_look = float("inf")

    def update(
        self, checks: Iterable[CheckConfig], memories: Mapping[str, Mapping[str, Any]], now: float, wall: int
    ) -> None:
        """Await the results of these checks. `memories` are of the last start, `now` monotonic, `wall` milliseconds."""
        self._checks = {check.name: check.check for check in checks if isinstance(check.check, PushedCheck)}
        for name in self._checks:
            if not any(check == name for check, _ in self._last):
                memory = memories.get(name, {})
                last = memory.get("last", {})
                self._since[name] = memory.get("since", wall)
                self._at |= {(name, subject): at for subject, at in last.items()}
                self._last |= _restored(name, last or {"": self._since[name]}, now, wall)
                self._began |= _restored(name, memory.get("began") or {}, now, wall)
        self._last = {key: at for key, at in self._last.items() if key[0] in self._checks}
        self._began = {key: at for key, at in self._began.items() if key[0] in self._checks}
        self._plan()

    def late(self, check: str, subject: str, at: int) -> bool:
        """Tell whether there is a newer result already; `at` in Unix milliseconds."""
        return at < self._at.get((check, subject), 0)

    def seen(self, check: str, subject: str, at: int, now: float, wall: int) -> None:
        """There is a result of the moment `at`. The first one of a named subject ends the wait for any."""
        if check not in self._checks:
            return
        if subject and (check, "") not in self._told:
            self._last.pop((check, ""), None)
        self._at[check, subject] = at
        self._last[check, subject] = now - max(0, wall - at) / 1000
        self._began.pop((check, subject), None)
        self._told.discard((check, subject))
        self._plan()

    def began(self, check: str, subject: str, now: float) -> None:
        """A run has begun; its result is awaited within `max_run`."""
        if check in self._checks:
            self._began[check, subject] = now
            self._told.discard((check, subject))
            self._plan()

    def memories(self, now: float, wall: int) -> dict[str, dict[str, Any]]:
        """Return what must be remembered of each check over a restart, in Unix milliseconds."""
        return {check: self.memory(check, now, wall) for check in self._checks}

    def memory(self, check: str, now: float, wall: int) -> dict[str, Any]:
        began = {key: wall - round((now - at) * 1000) for key, at in self._began.items()}
        last = {key: self._at[key] for key in self._last if key in self._at}
        return {"since": self._since[check], "last": _of(check, last), "began": _of(check, began)}

    def overdue(self, now: float, wall: int) -> list[Outcome]:
        """Return an outcome for everything overdue, once until there is a result."""
        if now < self.next_look:
            return []
        late = [key for key, end in self._ends().items() if end <= now]
        outcomes = [self._outcome(key, now, wall) for key in late]
        self._told.update(late)
        self._plan()
        return outcomes

    def _ends(self) -> dict[Key, float]:
        """Return when patience ends, by what is awaited; what was told is not awaited any more."""
        ends = {key: at + self._checks[key[0]].ttl for key, at in self._last.items()}
        for key, at in self._began.items():
            if limit := self._checks[key[0]].max_run:
                ends[key] = min(at + limit, ends.get(key, float("inf")))
        return {key: end for key, end in ends.items() if key not in self._told}

    def _outcome(self, key: Key, now: float, wall: int) -> Outcome:
        check, subject = key
        limit, began = self._checks[check].max_run, self._began.get(key)
        if began is not None and limit and began + limit <= now:
            status, summary = Status.CRITICAL, f"still running after {duration_text(now - began)}"
        else:
            span = duration_text(now - self._last.get(key, now))
            status, summary = Status.NODATA, f"no result for {span}, expected every {self._checks[check].ttl}"
        return Outcome(check, 0, wall, 0.0, (Result(status, summary, subject),), complete=False)

    def _plan(self) -> None:
        self.next_look = min(self._ends().values(), default=float("inf"))


def _restored(check: str, times: Mapping[str, int], now: float, wall: int) -> dict[Key, float]:
    return {(check, subject): now - max(0, wall - at) / 1000 for subject, at in times.items()}


def _of(check: str, times: Mapping[Key, int]) -> dict[str, int]:
    return {subject: at for (name, subject), at in times.items() if name == check}
