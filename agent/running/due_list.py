"""Which check is due when: one list for all, so that those due together cost one wake-up. No clock of its own."""

from __future__ import annotations

import heapq
import threading
from datetime import datetime, timedelta

from agent.config.settings import CheckConfig
from agent.running.triggers import Trigger

MOST_STALE = 100
"""So many turns that were moved or removed may stand at their moments beside as many as there are checks."""


class Turn:
    """The next turn of one check; `at` is None when it has none any more."""

    __slots__ = ("at", "config", "trigger")

    def __init__(self, config: CheckConfig, trigger: Trigger) -> None:
        self.config = config
        self.trigger = trigger
        self.at: datetime | None = None


class Moment:
    """What is due at one moment: of thousands of checks, many at each."""

    __slots__ = ("at", "turns")

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.turns: list[Turn] = []
        """A turn counts while its `at` is this very object."""


class DueList:
    """Safe to use from any thread."""

    def __init__(self, started_at: datetime) -> None:
        self.started_at = started_at
        """When intervals begin to count, by the clock as it is set now."""
        # The lock is between the schedule's thread, which takes what is due, and those who change when that is.
        self._lock = threading.Lock()
        self._turns: dict[str, Turn] = {}
        self._moments: dict[datetime, Moment] = {}
        self._heap: list[datetime] = []
        """The moments, the first of them first."""
        self._entries = 0
        """Turns at all moments, those included that were moved or removed."""

    def add(self, config: CheckConfig, trigger: Trigger, now: datetime, latest: datetime | None = None) -> None:
        """Have the check run by its trigger from now on, in place of any other; first at `latest`, if not sooner."""
        at = trigger.get_next_fire_time(None, now)
        with self._lock:
            self._remove(config.name)
            turn = self._turns[config.name] = Turn(config, trigger)
            self._set(turn, min(at, latest) if at and latest else at)

    def remove(self, check: str) -> None:
        with self._lock:
            self._remove(check)

    def at(self, check: str) -> datetime | None:
        """Return when the check is due; None when it has no turn (any more)."""
        turn = self._turns.get(check)
        return turn.at if turn else None

    def not_later(self, check: str, at: datetime) -> bool:
        """Have the check's next turn at `at`, unless it comes sooner; nothing if it has none any more.

        Tells whether it is the first of all now.
        """
        with self._lock:
            turn = self._turns.get(check)
            if turn is None or turn.at is None or turn.at <= at:
                return False
            first = self._next()
            self._set(turn, at)
            return first is None or at < first

    def next(self) -> datetime | None:
        """Return when the next check is due."""
        with self._lock:
            return self._next()

    def take(self, now: datetime) -> list[tuple[CheckConfig, datetime]]:
        """Return the checks that are due, each with since when; their next turns come after `now`."""
        checks = []
        with self._lock:
            while (due := self._next()) and due <= now:
                for turn in self._pop():
                    if turn.at is due:
                        checks.append((turn.config, due))
                        self._set(turn, turn.trigger.get_next_fire_time(due, now))
        return checks

    def move(self, jump: timedelta, now: datetime) -> None:
        """The wall clock was set by `jump`, and it is `now` by it."""
        with self._lock:
            self.started_at += jump
            for turn in self._turns.values():
                if turn.at:
                    turn.at = turn.trigger.move(turn.at, jump, now)
            self._rebuild()

    def _next(self) -> datetime | None:
        while self._heap:
            at = self._heap[0]
            if any(turn.at is at for turn in self._moments[at].turns):
                return at
            self._pop()
        return None

    def _pop(self) -> list[Turn]:
        """Let go of the first moment; return its turns."""
        turns = self._moments.pop(heapq.heappop(self._heap)).turns
        self._entries -= len(turns)
        return turns

    def _remove(self, check: str) -> None:
        if turn := self._turns.pop(check, None):
            turn.at = None

    def _set(self, turn: Turn, at: datetime | None) -> None:
        turn.at = None
        if at is None:
            return
        moment = self._moments.get(at)
        if moment is None:
            moment = self._moments[at] = Moment(at)
            heapq.heappush(self._heap, at)
        turn.at = moment.at
        moment.turns.append(turn)
        self._entries += 1
        if self._entries > 2 * len(self._turns) + MOST_STALE:
            self._rebuild()

    def _rebuild(self) -> None:
        self._moments, self._heap, self._entries = {}, [], 0
        for turn in self._turns.values():
            self._set(turn, turn.at)
