"""The one writer: outcomes in, states and events out, one transaction for whatever came together."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from agent.engine.recorder.adoption import Adoption
from agent.engine.recorder.commands import (
    Acknowledge,
    Command,
    Compose,
    RecorderConfig,
    Restate,
    Schedule,
    Suppress,
    WatchdogPing,
)
from agent.engine.recorder.deciding import Decider
from agent.engine.recorder.pending import RETRY_SECONDS, PendingWrites
from agent.engine.recorder.waiting import Waiting
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.model import Outcome, RunStarted
from agent.plugin.clock import Clocks, wall_clock
from agent.store import Store

__all__ = ["Command", "Compose", "Recorder", "RecorderConfig", "Suppress", "WatchdogPing"]

log = logging.getLogger("hostvigil.recorder")

REST_SECONDS = 0.05
"""From the first outcome on, so that those that come after it are taken together: fewer wake-ups and writes."""
BATCH = 500
"""Commands in one step: in a storm the first are written and told before the last have come."""
STOP_SECONDS = 1.0
"""What it may take at the end to write what has come in."""


class Recorder:
    """Takes outcomes from any thread, decides and writes in its own.

    In each step: take what has come; decide on it; judge what is overdue by then; write.
    """

    def __init__(
        self,
        store: Store,
        config: RecorderConfig,
        on_events: Callable[[], None],
        retry: Callable[[str, float], None],
        next_run: Callable[[str], int],
        wall: Callable[[], int] = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
        rest: float = REST_SECONDS,
    ) -> None:
        self._monotonic = monotonic
        self._rest = rest
        self._queue: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._queue.put(config)
        buffer, clocks = WriteBuffer(), Clocks(wall, monotonic)
        self._pending = PendingWrites(store, buffer, on_events, monotonic)
        self._decider = Decider(store.states(), store.last_runs(), config, buffer, Schedule(retry, next_run), clocks)
        self._waiting = Waiting(store, buffer, clocks)
        self._adoption = Adoption(store, on_events, clocks)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, command: Command) -> None:
        """Hand over what there is to do; never blocks."""
        self._queue.put(command)

    def stop(self) -> None:
        """Write what has come in and end; waits for it `STOP_SECONDS` at the most."""
        self._stopping.set()
        self._queue.put(None)
        self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        going = True
        while going:
            try:
                going = self.step()
            except Exception:
                log.exception("a bug of ours; the recorder goes on in %gs", RETRY_SECONDS)
                time.sleep(RETRY_SECONDS)

    def step(self) -> bool:
        """Wait for something to do and do it; False at the end. The recorder's thread does nothing else."""
        commands, drained_at, going = self._gather()
        self._decider.begin_step()
        for command in commands:
            self._try(command)
        if drained_at is not None:
            for outcome in self._overdue(drained_at):
                self._try(outcome)
            self._decider.look(drained_at)
        self._pending.write(everything=not going)
        self._adopt()
        return going

    def _overdue(self, at: float) -> Sequence[Command]:
        try:
            return self._waiting.overdue(at)
        except Exception:
            log.exception("a bug of ours: what is overdue is not told of")
            return []

    def _gather(self) -> tuple[list[Command], float | None, bool]:
        """Wait for something to do, then take all that is there.

        The second value is when nothing more was there, in monotonic seconds: all that came before it was taken. None
        when more may wait. The third is False at the end.
        """
        commands: list[Command] = []
        for command in itertools.chain(self._first(), self._more()):
            if command is None:
                return commands, None, False
            commands.append(command)
            if len(commands) == BATCH:
                return commands, None, True
        return commands, self._monotonic(), True

    def _first(self) -> Sequence[Command | None]:
        """Wait until there is something to do; return it, if it came, after a rest in which others may come."""
        try:
            commands = [self._queue.get(timeout=self._patience())]
        except queue.Empty:
            return []
        if self._queue.qsize() < BATCH:
            self._stopping.wait(self._rest)
        return commands

    def _more(self) -> Iterator[Command | None]:
        with suppress(queue.Empty):
            while True:
                yield self._queue.get_nowait()

    def _patience(self) -> float:
        """Return for how long there is nothing to do but wait for outcomes, in seconds."""
        until = min(self._waiting.next_look, self._decider.next_look, self._pending.next_write())
        if self._pending.nothing_to_tell:
            until = min(until, self._adoption.next_try)
        return min(max(0.0, until - self._monotonic()), threading.TIMEOUT_MAX)

    def _try(self, command: Command) -> None:
        try:
            self._do(command)
        except Exception:
            log.exception("a bug of ours: this is lost: %r", command)

    def _do(self, command: Command) -> None:
        if isinstance(command, RecorderConfig):
            self._configure(command)
        elif isinstance(command, Restate):
            self._adoption.again()
        elif isinstance(command, Outcome):
            if self._decider.is_meant(command) and (outcome := self._waiting.accept(command)):
                self._decider.take(outcome)
        elif isinstance(command, RunStarted):
            self._waiting.note_start(command)
        elif isinstance(command, WatchdogPing):
            command.answer()
        elif isinstance(command, Acknowledge):
            command.answer(self._decider.acknowledge(command))
        else:
            self._pending.receipt(command)

    def _configure(self, config: RecorderConfig) -> None:
        """Take over a configuration: a bug of ours in one part leaves no other part without it."""
        steps: tuple[Callable[[], object], ...] = (
            lambda: self._decider.configure(config),
            lambda: self._waiting.configure(config),
            lambda: self._decider.believe_again(self._waiting.last_true),
            lambda: self._adoption.configure(config),
            self._pending.write,
            self._adopt,
        )
        for step in steps:
            try:
                step()
            except Exception:
                log.exception("a bug of ours: a part of the configuration is not taken over")

    def _adopt(self) -> None:
        """Take over the destinations: after what the old ones are to hear is written, before what only the new are."""
        if self._pending.nothing_to_tell:
            self._adoption.take_over(self._decider.states)
