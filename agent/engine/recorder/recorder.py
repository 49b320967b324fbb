"""The one writer: outcomes in, states and events out, one transaction for whatever came together."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from agent.engine.dead_mans_switch import DeadMansSwitch
from agent.engine.recorder.commands import Command, Compose, RecorderConfig, Suppress, WatchdogPing
from agent.engine.recorder.deciding import Decider
from agent.engine.recorder.pending import RETRY_SECONDS, PendingWrites
from agent.engine.staleness import StalenessMonitor
from agent.model import Outcome, Pushed, RunStarted
from agent.store import Store

__all__ = ["Command", "Compose", "Recorder", "RecorderConfig", "Suppress", "WatchdogPing"]

log = logging.getLogger("hostvigil.recorder")

REST_SECONDS = 0.05
"""After each step, so that outcomes that come one after the other are taken together: fewer wake-ups and writes."""
BATCH = 500


class Recorder:
    """Takes outcomes from any thread, decides and writes in its own.

    In each step: take what has come; decide on it; judge what is overdue by then; write.
    """

    def __init__(
        self,
        store: Store,
        config: RecorderConfig,
        told: Callable[[], None],
        retry: Callable[[str, float], None],
        next_run: Callable[[str], int],
        wall: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._queue: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._queue.put(config)
        self._pending = PendingWrites(store, told, monotonic)
        self._decider = Decider(store.states(), config, self._pending, retry, next_run, wall)
        self._awaited = DeadMansSwitch()
        self._remembered: dict[str, dict[str, Any]] = store.memories()
        self._staleness = StalenessMonitor()
        self._rest = threading.Event()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, command: Command) -> None:
        """Hand over what there is to do; never blocks."""
        self._queue.put(command)

    def stop(self, seconds: float) -> None:
        """Write what has come in and end; waits for it `seconds` at the most."""
        self._rest.set()
        self._queue.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        going = True
        while going:
            try:
                going = self.step()
                self._rest.wait(REST_SECONDS)
            except Exception:
                log.exception("a bug of ours; the recorder goes on in %gs", RETRY_SECONDS)
                time.sleep(RETRY_SECONDS)

    def step(self) -> bool:
        """Wait for something to do and do it; False at the end. The recorder's thread does nothing else."""
        commands, drained_at, going = self._gather()
        for command in commands:
            self._try(command)
        if drained_at is not None:
            for outcome in self._overdue(drained_at):
                self._try(outcome)
        self._pending.write(everything=not going)
        return going

    def _gather(self) -> tuple[list[Command], float | None, bool]:
        """Wait for something to do, then take all that is there.

        The second value is when nothing more was there, in monotonic seconds: all that came before it was taken. None
        when more may wait. The third is False at the end.
        """
        taken: list[Command] = []
        timeout = self._patience()
        while len(taken) < BATCH:
            try:
                command = self._queue.get(timeout=timeout) if timeout else self._queue.get_nowait()
            except queue.Empty:
                return taken, self._monotonic(), True
            if command is None:
                return taken, None, False
            taken.append(command)
            timeout = 0.0
        return taken, None, True

    def _patience(self) -> float:
        """Return for how long there is nothing to do but wait for outcomes, in seconds."""
        until = min(self._staleness.next_look, self._awaited.next_look, self._pending.next_write())
        return min(max(0.0, until - self._monotonic()), threading.TIMEOUT_MAX)

    def _try(self, command: Command) -> None:
        try:
            self._do(command)
        except Exception:
            log.exception("a bug of ours: this is lost: %r", command)

    def _do(self, command: Command) -> None:
        if isinstance(command, RecorderConfig):
            self._configure(command)
        elif isinstance(command, Outcome):
            self._take(command)
        elif isinstance(command, RunStarted):
            self._awaited.began(command.check, command.subject, self._monotonic())
            self._remember(command.check)
        elif isinstance(command, WatchdogPing):
            command.answer()
        else:
            self._pending.receipt(command)

    def _overdue(self, now: float) -> list[Outcome]:
        wall = self._wall()
        return [*self._staleness.overdue(now, wall), *self._awaited.overdue(now, wall)]

    def _configure(self, config: RecorderConfig) -> None:
        self._decider.configure(config)
        now, wall = self._monotonic(), self._wall()
        self._staleness.update(config.checks.values(), now)
        self._awaited.update(config.checks.values(), self._remembered, now, wall)
        for check, memory in self._awaited.memories(now, wall).items():
            self._pending.remember(check, memory)
        self._remembered = {}

    def _take(self, outcome: Outcome) -> None:
        if not self._decider.is_meant(outcome):
            return
        self._staleness.seen(outcome.check, self._monotonic())
        if outcome.pushed is Pushed.NOT or self._is_news(outcome):
            self._decider.take(outcome)

    def _is_news(self, outcome: Outcome) -> bool:
        """Note that a pushed result came; False for one that waited in the spool while a newer one was taken."""
        check = outcome.check
        for result in outcome.results:
            if outcome.pushed is Pushed.SPOOLED and self._awaited.late(check, result.subject, outcome.started_at):
                log.info("%s: a spooled result is older than what is known, it changes nothing", check)
                return False
            self._awaited.seen(check, result.subject, outcome.started_at, self._monotonic(), self._wall())
        self._remember(check)
        return True

    def _remember(self, check: str) -> None:
        """Have it written what is awaited of a pushed check."""
        self._pending.remember(check, self._awaited.memory(check, self._monotonic(), self._wall()))
