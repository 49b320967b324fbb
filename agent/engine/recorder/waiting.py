"""What results are waited for: of each check its runs, of a pushed check what is handed in."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from agent.engine.dead_mans_switch import DeadMansSwitch
from agent.engine.push_watch import CLOCK_SET_MILLISECONDS
from agent.engine.recorder.commands import RecorderConfig
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.engine.self_check import BROKEN
from agent.engine.staleness import StalenessMonitor
from agent.model import Outcome, Pushed, RunStarted
from agent.plugin.clock import Clocks
from agent.store import Store

log = logging.getLogger("hostvigil.recorder")


class Waiting:
    """Owned by the recorder's thread. What is waited for follows the configuration at work."""

    def __init__(self, store: Store, buffer: WriteBuffer, clocks: Clocks) -> None:
        self._buffer = buffer
        self._clocks = clocks
        self._pushed = DeadMansSwitch()
        self._runs = StalenessMonitor()
        self._memories: dict[str, dict[str, Any]] = store.memories()
        self._last_runs = store.last_ran()
        self._offset = 0.0
        """Wall clock minus monotonic clock when all that is awaited was written last, in milliseconds."""

    @property
    def next_look(self) -> float:
        """When something may be overdue, in monotonic seconds."""
        return min(self._runs.next_look, self._pushed.next_look)

    def configure(self, config: RecorderConfig) -> None:
        """Wait for the checks of this configuration from now on."""
        checks, now, wall = config.checks, self._clocks.monotonic(), self._clocks.wall()
        last = {check: now - max(0, wall - at) / 1000 for check, at in self._last_runs.items() if at}
        self._runs.update(checks.values(), now, last)
        self._pushed.update(checks.values(), self._memories, now, wall)
        self._remember_all(now, wall)
        # Until a check that cannot be read is mended, what was awaited of it is still in the store.
        unread = {name for name, check in checks.items() if check.type == BROKEN}
        unread.update(filter(config.may_come_back, (*self._memories, *self._last_runs)))
        self._memories = {name: memory for name, memory in self._memories.items() if name in unread}
        self._last_runs = {name: at for name, at in self._last_runs.items() if name in unread}

    def last_true(self, check: str, subject: str) -> int:
        """Return when the last result of a pushed subject was so, Unix milliseconds; 0: it is true no more."""
        return self._pushed.last_true(check, subject, self._clocks.monotonic(), self._clocks.wall())

    def note_start(self, start: RunStarted) -> None:
        """A run has begun that pushes its result at its end."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        if self._pushed.awaits(start.check):
            since = now - max(0, wall - start.at) / 1000 if start.at else now
            self._pushed.note_start(start.check, start.subject, since, start.run)
            self._remember(start.check)

    def accept(self, outcome: Outcome) -> Outcome | None:
        """Note that an outcome came; return it as it counts, None when it says nothing new."""
        now = self._clocks.monotonic()
        self._runs.note_result(outcome.check, now)
        if outcome.pushed is Pushed.NOT:
            return outcome
        if not self._pushed.awaits(outcome.check) or not self._is_news(outcome):
            return None
        results = tuple(self._pushed.effective_result(outcome.check, result, now) for result in outcome.results)
        speaks = self._pushed.speaks_for_check(outcome.check, [result.subject for result in results])
        return msgspec.structs.replace(outcome, results=results, speaks_for_check=speaks)

    def overdue(self, now: float) -> list[Outcome]:
        """Return an outcome for all that is overdue; all that came before `now` must have been taken.

        `now` in monotonic seconds.
        """
        wall = self._clocks.wall()
        if abs(wall - now * 1000 - self._offset) >= CLOCK_SET_MILLISECONDS:
            self._remember_all(now, wall)  # somebody set the clock: by it, what was written is older or newer
        pushed = self._pushed.overdue(now, wall)
        for outcome in pushed:
            self._remember(outcome.check)
        return [*self._runs.overdue(now, wall), *pushed]

    def _is_news(self, outcome: Outcome) -> bool:
        """Note that a pushed result came; False for one that waited in the spool while a newer one was taken."""
        check, now = outcome.check, self._clocks.monotonic()
        if outcome.pushed is Pushed.SPOOLED:
            self._pushed.reads_spool(now)
        for result in outcome.results:
            if outcome.pushed is Pushed.SPOOLED and self._pushed.late(
                check, result.subject, outcome.started_at, now, self._clocks.wall()
            ):
                log.info("%s: a spooled result is no newer than what is known, it changes nothing", check)
                return False
            self._pushed.note_result(check, result.subject, outcome.started_at, now, self._clocks.wall(), outcome.run)
        self._remember(check)
        return True

    def _remember_all(self, now: float, wall: int) -> None:
        self._offset = wall - now * 1000
        for check, memory in self._pushed.memories(now, wall).items():
            self._buffer.remember(check, memory)

    def _remember(self, check: str) -> None:
        """Have it written what is awaited of a pushed check."""
        self._buffer.remember(check, self._pushed.memory(check, self._clocks.monotonic(), self._clocks.wall()))
