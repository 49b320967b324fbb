"""The runs in progress, at most one a check, and what becomes of one that does not end in time."""

from __future__ import annotations

import enum
import itertools
import threading
from collections.abc import Iterable, Mapping

from agent.config.settings import CheckConfig
from agent.plugin.context import Context, SharedWork
from agent.running.run import Phase, Run

STILL_SECONDS = 1.0
"""What is so late that the whole agent stood still meanwhile: stopped, or paused with its machine."""


class Overdue(enum.Enum):
    """What is to be done with a run at the end of its time."""

    NOTHING = enum.auto()
    EXCUSE = enum.auto()
    """Look again in a while: perhaps it only stood still with all of us."""
    CANCEL = enum.auto()
    """Cancel it in its loop, and look again in a while."""
    ABANDON = enum.auto()


class Runs:
    """Safe to use from any thread: decisions are made under the lock, and nothing else is done there."""

    def __init__(self) -> None:
        # The lock is between the schedule's thread, which begins runs, those that do them and the one of deadlines.
        self._lock = threading.Lock()
        self._by_check: dict[str, Run] = {}
        self._numbers = itertools.count(1)
        self._shared = SharedWork()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._by_check)

    def begin(self, config: CheckConfig, due: float) -> Run | None:
        """Return a new run of the check, or its last one where that was abandoned and still hangs; else None.

        `due` in monotonic seconds.
        """
        with self._lock:
            last = self._by_check.get(config.name)
            if self._stopped or (last and last.phase < Phase.ABANDONED):
                return None
            if last is None:
                last = self._by_check[config.name] = self.new(config, due)
            return last

    def new(self, config: CheckConfig, due: float) -> Run:
        return Run(config, next(self._numbers), Context(config.name, config.timeout, shared=self._shared, due=due))

    def leaves_worker(self, run: Run) -> bool:
        """It goes on in a loop; False when it had been given up, and its worker with it."""
        with self._lock:
            if run.phase is Phase.ABANDONED:
                return False
            run.at.worker = 0
            return True

    def finish(self, run: Run) -> bool:
        """It has ended; False when it had been given up."""
        with self._lock:
            before, run.phase = run.phase, Phase.FINISHED
            self._by_check.pop(run.config.name, None)
            return before is not Phase.ABANDONED

    def overdue(self, run: Run, late: float) -> Overdue:
        """Decide what is to be done with a run that has been overdue for so many seconds."""
        with self._lock:
            if run.phase is Phase.FINISHED or self._stopped:
                return Overdue.NOTHING
            if late > STILL_SECONDS and not run.excused:
                run.excused = True
                return Overdue.EXCUSE
            if run.at.task is not None and run.phase is Phase.AT_WORK:
                run.phase = Phase.CANCELLED
                return Overdue.CANCEL
            run.phase = Phase.ABANDONED
            return Overdue.ABANDON

    def remove(self, checks: Iterable[str]) -> None:
        """These are configured no more: their runs go on, and nobody wants to know."""
        with self._lock:
            for check in checks:
                if run := self._by_check.get(check):
                    run.removed, run.successor = True, None

    def replace(self, checks: Mapping[str, CheckConfig]) -> None:
        """These are configured otherwise now: what a run of other settings sees says nothing of them."""
        with self._lock:
            for check, config in checks.items():
                run = self._by_check.get(check)
                if run and (run.removed or (run.config.type, run.config.check) != (config.type, config.check)):
                    run.removed, run.successor = True, config

    def stop(self) -> list[Run]:
        """Begin no more; returns those in progress."""
        with self._lock:
            self._stopped = True
            return list(self._by_check.values())
