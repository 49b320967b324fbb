"""One run in progress, in a thread of its own or in a loop."""

from __future__ import annotations

import asyncio
import logging

from agent.config.settings import CheckConfig
from agent.plugin.context import Context
from agent.plugin.units import clock_text
from agent.running.loop import LoopThread
from agent.running.place import place_in_code, place_of_task

log = logging.getLogger("hostvigil.runner")


class Run:
    """Owned by the runner, whose lock is over what changes."""

    def __init__(self, config: CheckConfig, number: int, context: Context) -> None:
        self.config = config
        self.number = number
        self.context = context
        self.started_at = 0
        self.thread = 0
        """The worker that is at work on it; 0 where it waits in a loop."""
        self.task: asyncio.Task[None] | None = None
        """Where it is in a loop."""
        self.loop_thread: LoopThread | None = None
        self.finished = False
        self.cancelled = False
        self.given_up = ""
        """Why."""
        self.dropped = False
        """Ended before it had seen anything, with the agent."""
        self.abandoned = False
        self.removed = False
        self.excused = False

    def is_in(self, thread: LoopThread) -> None:
        """It begins in this loop, in the task that calls."""
        self.loop_thread, self.task = thread, asyncio.current_task()
        if self.task:
            self.task.set_name(self.config.name)

    @property
    def clock(self) -> str:
        return clock_text(self.started_at, "%H:%M:%S")

    def where(self) -> str:
        """Say in which line of code it hangs."""
        if self.thread:
            return f"hangs {place_in_code(self.thread, self.config.check)}"
        if self.task is None or self.loop_thread is None:
            return "waits for its turn"
        holding = self.loop_thread.at_work_on()
        if holding is self.task:
            return f"holds up all that wait with it {place_in_code(self.loop_thread.number, self.config.check)}"
        if holding is not None:
            return f"waits for {holding.get_name()}, which holds up all that wait with it"
        return f"waits {place_of_task(self.task.get_coro(), self.config.check)}"

    def holds_its_loop(self) -> bool:
        return self.loop_thread is not None and self.loop_thread.at_work_on() is self.task

    def interrupt(self) -> None:
        """Have it end, from any thread: by what the check has asked for, and in a loop by cancelling it."""
        try:
            self.context.interrupt()
        except Exception:
            log.exception("%s: a bug: the check's own interrupt failed", self.config.name)
        if self.task is not None and self.loop_thread is not None:
            self.loop_thread.call(self.task.cancel)
