"""The one writer: outcomes in, states and events out, one transaction for whatever came together."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import DeadMansSwitch
from agent.engine.recorder.changes import as_last, is_gone, worth_keeping, written
from agent.engine.recorder.commands import Command, Compose, RecorderConfig, Suppress, WatchdogPing
from agent.engine.staleness import StalenessMonitor
from agent.engine.state.transition import Transition, advance, apply_result
from agent.engine.suppression.reasons import DOWN
from agent.model import Outcome, Policy, Pushed, Reason, Result, RunStarted, State, Status
from agent.store import Change, LastRun, Store, StoreError

__all__ = ["Command", "Compose", "Recorder", "RecorderConfig", "Suppress", "WatchdogPing"]

log = logging.getLogger("hostvigil.recorder")

NOTE_SECONDS = 1.0
"""Steady results are nice to know, not to lose: they are written together, without waiting for the disk."""
RETRY_SECONDS = 5.0
"""Between tries while the disk takes nothing."""
REST_SECONDS = 0.05
"""After each step, so that outcomes that come one after the other are taken together: fewer wake-ups and writes."""
BATCH = 500
RETIRED = "no longer configured on this host"


class Recorder:
    """Takes outcomes from any thread, decides and writes in its own."""

    def __init__(
        self,
        store: Store,
        orders: RecorderConfig,
        told: Callable[[], None],
        retry: Callable[[str, float], None],
        next_run: Callable[[str], int],
        wall: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._wall = wall
        self._monotonic = monotonic
        self._told = told
        self._retry = retry
        self._next_run = next_run
        self._queue: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._states: dict[str, dict[str, State]] = {}
        for state in store.states():
            self._states.setdefault(state.check, {})[state.subject] = state
        self._unwritten: list[Change] = []
        self._forgotten: set[tuple[str, str | None]] = set()
        self._memories: dict[str, dict[str, Any]] = {}
        self._awaited = DeadMansSwitch()
        self._remembered = store.memories()
        self._receipts: list[Callable[[], None]] = []
        self._write_at = 0.0
        self._notes: dict[tuple[str, str], LastRun] = {}
        self._note_at = 0.0
        self._expectations = StalenessMonitor()
        self._orders = orders
        self._queue.put(orders)
        self._rest = threading.Event()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, thing: Command) -> None:
        """Hand over what there is to do; never blocks."""
        self._queue.put(thing)

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
        things, going = self._gather()
        for thing in things + self._overdue():
            try:
                self._do(thing)
            except Exception:
                log.exception("a bug of ours: this is lost: %r", thing)
        if self._unwritten and (self._monotonic() >= self._write_at or not going):
            self._write()
        if self._notes and (self._monotonic() >= self._note_at or not going):
            self._write_notes()
        if self._receipts and not self._unwritten:
            self._acknowledge()
        return going

    def _do(self, thing: Command) -> None:
        if isinstance(thing, RecorderConfig):
            self._obey(thing)
        elif isinstance(thing, Outcome):
            self._take(thing)
        elif isinstance(thing, RunStarted):
            now, wall = self._monotonic(), self._wall()
            self._awaited.began(thing.check, thing.subject, now)
            self._memories[thing.check] = self._awaited.memory(thing.check, now, wall)
        elif isinstance(thing, WatchdogPing):
            thing.answer()
        else:
            self._receipts.append(thing)

    def _overdue(self) -> list[Command]:
        now, wall = self._monotonic(), self._wall()
        return [*self._expectations.overdue(now, wall), *self._awaited.overdue(now, wall)]

    def _acknowledge(self) -> None:
        """Tell who waits for it that what came before is written."""
        if self._notes:
            self._write_notes()
        receipts, self._receipts = self._receipts, []
        for receipt in receipts:
            receipt()

    def _obey(self, orders: RecorderConfig) -> None:
        """Take over the configuration: what is gone is closed and forgotten, what is unchanged keeps its state."""
        for check, states in list(self._states.items()):
            if is_gone(states.values(), orders.checks.get(check), orders.retire):
                self._retire(check)
        self._orders = orders
        self._children: dict[str, list[str]] = {}
        for config in orders.checks.values():
            for parent in config.depends_on.checks:
                self._children.setdefault(parent, []).append(config.name)
        now, wall = self._monotonic(), self._wall()
        self._expectations.update(orders.checks.values(), now)
        self._awaited.update(orders.checks.values(), self._remembered, now, wall)
        self._memories |= self._awaited.memories(now, wall)
        self._remembered = {}

    def _retire(self, check: str) -> None:
        """Close what is open of a check and forget it, all in the next transaction."""
        self._memories.pop(check, None)
        self._notes = {key: note for key, note in self._notes.items() if note.check != check}
        self._unwritten = [as_last(change, check) for change in self._unwritten]
        self._forgotten.add((check, None))
        gone = Result(Status.OK, RETIRED)
        for state in self._states.pop(check).values():
            step = apply_result(
                state, msgspec.structs.replace(gone, subject=state.subject), Policy(flapping=None), self._wall()
            )
            config = self._orders.checks.get(check)
            if config is None or state.type not in ("", config.type):  # as after a restart: what it was is not known
                config = CheckConfig(check, state.type, Check(), Place(""))
            self._unwritten.append(as_last(self._change(step, config), check))

    def _drop(self, step: Transition, config: CheckConfig) -> None:
        """Close what is open of a subject and forget it, all in the next transaction."""
        key = (step.state.check, step.state.subject)
        self._notes.pop(key, None)
        self._unwritten = [as_last(change, *key) for change in self._unwritten]
        self._unwritten.append(as_last(self._change(step, config), *key))
        self._forgotten.add(key)
        del self._states[step.state.check][step.state.subject]

    def _gather(self) -> tuple[list[Command], bool]:
        """Wait for something to do, then take all that is there. The second value is False at the end."""
        taken: list[Command] = []
        timeout = self._patience()
        while len(taken) < BATCH:
            try:
                thing = self._queue.get(timeout=timeout) if timeout else self._queue.get_nowait()
            except queue.Empty:
                break
            if thing is None:
                return taken, False
            if isinstance(thing, Outcome):
                self._expectations.seen(thing.check, self._monotonic())
            taken.append(thing)
            timeout = 0.0
        return taken, True

    def _patience(self) -> float:
        """Return for how long there is nothing to do but wait for outcomes, in seconds."""
        until = min(self._expectations.next_look, self._awaited.next_look)
        if self._notes:
            until = min(until, self._note_at)
        if self._unwritten:
            until = min(until, self._write_at)
        return min(max(0.0, until - self._monotonic()), threading.TIMEOUT_MAX)

    def _take(self, outcome: Outcome) -> None:
        """Decide. The states in memory are ahead of the written ones only while the disk takes nothing."""
        config = self._orders.checks.get(outcome.check)
        if config is None or outcome.type not in ("", config.type):
            return  # removed by a reload while it ran
        if outcome.pushed is not Pushed.NOT and not self._awaits(outcome):
            return
        states = self._states.setdefault(outcome.check, {})
        observed = outcome.started_at + round(outcome.duration * 1000)
        suppression = self._orders.suppress(self._states)

        def reasons(subject: str) -> tuple[Reason, ...]:
            return suppression.reasons(config, subject, outcome.started_at, observed)

        for step in advance(states, outcome, config.policy, observed, reasons):
            if step.last:
                self._drop(step, config)
                continue
            if outcome.type and (step.state.type, step.state.settings_checksum) != (
                outcome.type,
                outcome.settings_checksum,
            ):
                seen = msgspec.structs.replace(
                    step.state, type=outcome.type, settings_checksum=outcome.settings_checksum
                )
                step = msgspec.structs.replace(step, state=seen)  # noqa: PLW2901
            if step.report or step.state != step.before:
                self._unwritten.append(self._change(step, config))
            states[step.state.subject] = step.state
            self._note(step, outcome)
            self._look_again(step, config)
        if outcome.memory is not None:
            self._memories[outcome.check] = outcome.memory

    def _awaits(self, outcome: Outcome) -> bool:
        """Note that a pushed result came; False for one that waited in the spool while a newer one was taken."""
        now, wall, check = self._monotonic(), self._wall(), outcome.check
        for result in outcome.results:
            if outcome.pushed is Pushed.SPOOLED and self._awaited.late(check, result.subject, outcome.started_at):
                log.info("%s: a spooled result is older than what is known, it changes nothing", check)
                return False
            self._awaited.seen(check, result.subject, outcome.started_at, now, wall)
        self._memories[check] = self._awaited.memory(check, now, wall)
        return True

    def _look_again(self, step: Transition, config: CheckConfig) -> None:
        """Have a run sooner where it will matter: undecided, a reason to be silent ends, a parent is well again."""
        if step.undecided and config.retry_interval:
            self._retry(config.name, config.retry_interval)
        for reason in step.suppressed_by:
            if reason.until:
                self._retry(config.name, max(0, reason.until - step.at) / 1000)
        if step.before.decided in DOWN and step.state.decided not in DOWN:
            for child in self._children.get(config.name, ()):
                if any(state.suppressed_by for state in self._states.get(child, {}).values()):
                    self._retry(child, 0.0)

    def _change(self, step: Transition, config: CheckConfig) -> Change:
        return Change(step.state, self._orders.compose(step.report, step, config) if step.report else None)

    def _write(self) -> None:
        try:
            written(self._store, self._unwritten, self._memories, self._forgotten)
        except StoreError as error:
            if not self._write_at:
                log.error("nothing can be written; changes are held in memory until it can: %s", error)
            self._write_at = self._monotonic() + RETRY_SECONDS
            self._unwritten = worth_keeping(self._unwritten)
            return
        if self._write_at:
            log.warning("writing works again; the changes held in memory are written")
        self._write_at = 0.0
        events = any(change.event for change in self._unwritten)
        self._unwritten, self._memories, self._forgotten = [], {}, set()
        if events:
            self._told()

    def _note(self, step: Transition, outcome: Outcome) -> None:
        if not self._notes:
            self._note_at = self._monotonic() + NOTE_SECONDS
        check, subject = step.state.check, step.state.subject
        self._notes[check, subject] = LastRun(
            check, subject, step.result, step.at, outcome.duration, self._next_run(check)
        )

    def _write_notes(self) -> None:
        try:
            self._store.note(list(self._notes.values()), self._memories)
            self._memories = {}
        except StoreError as error:
            log.info("the last results could not be noted: %s", error)
        self._notes = {}
