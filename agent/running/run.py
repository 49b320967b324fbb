"""One run in progress: how far it is, and where it is at work."""

from __future__ import annotations

import asyncio
import enum
import logging

from agent.api import Check
from agent.config.settings import CheckConfig
from agent.plugin.context import Context
from agent.plugin.units import clock_text
from agent.running.loop import LoopThread
from agent.running.place import place_in_code, place_of_task

log = logging.getLogger("hostvigil.runner")


class Phase(enum.IntEnum):
    """How far a run is; it never goes back."""

    AT_WORK = 1
    CANCELLED = 2
    """It ends by itself now, with an outcome, unless it holds its loop."""
    ABANDONED = 3
    """Its outcome was told without it."""
    FINISHED = 4


class Run:
    """Owned by `Runs`, whose lock is over what changes."""

    def __init__(self, config: CheckConfig, number: int, context: Context) -> None:
        self.config = config
        self.number = number
        self.context = context
        self.started_at = 0
        """Unix milliseconds; 0 while it waits for its turn."""
        self.at = Position()
        self.phase = Phase.AT_WORK
        self.failure_reason = ""
        """Why it has no outcome of its own, once it is cancelled or given up."""
        self.removed = False
        """Its check is configured no more, or otherwise: nobody wants to know what it saw."""
        self.successor: CheckConfig | None = None
        """Its check as it is configured now, which is run once this run has ended."""
        self.excused = False
        """It was late once because the whole agent stood still."""
        self.spoiled = False
        """By what its check remembered: it says nothing."""

    @property
    def clock(self) -> str:
        return clock_text(self.started_at, "%H:%M:%S")

    def where(self) -> str:
        """Say in which line of code it hangs."""
        return self.at.words(self.config.check)

    def enters(self, thread: LoopThread) -> None:
        """It goes on in this loop, in the task that calls."""
        self.at.loop, self.at.task = thread, asyncio.current_task()
        if self.at.task:
            self.at.task.set_name(self.config.name)

    def interrupt(self) -> None:
        """Have it end, from any thread: by what the check has asked for, and in a loop by cancelling it."""
        try:
            self.context.interrupt()
        except Exception:
            log.exception("%s: a bug: the check's own interrupt failed", self.config.name)
        self.at.cancel()


class Position:
    """Where a run is at work: in a worker's thread, or as a task in a loop."""

    def __init__(self) -> None:
        self.worker = 0
        """The number of the thread; 0 where it waits in a loop."""
        self.loop: LoopThread | None = None
        self.task: asyncio.Task[None] | None = None

    def words(self, check: Check) -> str:
        """Say where a run is that does not end: `hangs in ...`, `waits for its turn`."""
        if self.worker:
            return f"hangs {place_in_code(self.worker, check)}"
        if self.task is None or self.loop is None:
            return "waits for its turn"
        holding = self.loop.at_work_on()
        if holding is self.task:
            return f"holds up all that wait with it {place_in_code(self.loop.number, check)}"
        if holding is not None:
            return f"waits for {holding.get_name()}, which holds up all that wait with it"
        return f"waits {place_of_task(self.task.get_coro(), check)}"

    def holds_its_loop(self) -> bool:
        return self.loop is not None and self.loop.at_work_on() is self.task

    def cancel(self) -> None:
        if self.task is not None and self.loop is not None:
            self.loop.call(self.task.cancel)
