"""Runs of checks: deadline, isolation, exceptions -> exactly one outcome each, whatever the check does."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from agent.config.diff import difference, running
from agent.config.settings import CheckConfig, Config
from agent.model import Outcome, Result, Status
from agent.plugin.context import Context, SharedWork
from agent.plugin.results import presentable, without_secrets
from agent.plugin.units import duration_text
from agent.running.execute import GRACE_SECONDS, CheckOutput, ToAwait, begin, broken, go_on, is_async
from agent.running.loop import Loop, LoopThread
from agent.running.run import Run
from agent.running.timers import Deadline, Deadlines
from agent.running.workers import Workers

log = logging.getLogger("hostvigil.runner")

STILL_SECONDS = 1.0
"""What is so late that the whole agent stood still meanwhile: stopped, or paused with its machine."""


class Runner:
    """Runs checks. `start` never blocks; each run is handed to `deliver` as one outcome.

    What only waits (`async def run`) does so in a loop: ours in one, owners' own types in another, since one that
    blocks holds up its whole loop. What may block has daemon threads, of which each type has only so many.
    """

    def __init__(
        self,
        deliver: Callable[[Outcome], None],
        scrub: Callable[[str], str] = str,
        memories: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        self._deliver = deliver
        self._scrub = scrub
        self._memories = {check: msgspec.json.encode(memory) for check, memory in (memories or {}).items()}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._running: dict[str, Run] = {}
        self._stopped = False
        self._void: set[str] = set()
        self._shared = SharedWork()
        self._deadlines = Deadlines()
        self._workers = Workers(self._work, self._deadlines)
        self._loops = {True: Loop("loop"), False: Loop("loop of own types")}

    def start(self, config: CheckConfig, due: float) -> None:
        """Run the check now; `due` is when it should have been, in monotonic seconds. Never beside itself."""
        with self._lock:
            last = self._running.get(config.name)
            if self._stopped or (last and not last.abandoned):
                return
            if last is None:
                run = self._running[config.name] = self._new_run(config, due)
        if last is None:
            self._submit(run)
        else:
            self._deliver(self._failure(last, f"the run of {last.clock} still {last.where()}"))

    def _submit(self, run: Run) -> None:
        check = run.config.check
        if check.isolation == "thread" and is_async(type(check)):
            self._loop_of(run).submit(lambda thread: self._work_async(run, thread))
        else:
            self._workers.submit(run, run.config.type)

    def _loop_of(self, run: Run) -> Loop:
        return self._loops[type(run.config.check).__module__.startswith("checks.")]

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        self.forget(difference(running(old), running(new)).removed)

    def forget(self, removed: Iterable[str]) -> None:
        """Forget what removed checks remember; runs in progress go on."""
        with self._lock:
            for check in removed:
                self._memories.pop(check, None)
                self._void.discard(check)
                if check in self._running:
                    self._running[check].removed = True

    def stop(self) -> None:
        """Give up every run in progress; their threads are daemons and hold nothing."""
        with self._lock:
            self._stopped = True
            running = list(self._running.values())
        for run in running:
            run.interrupt()

    def _new_run(self, config: CheckConfig, due: float) -> Run:
        context = Context(config.name, config.timeout, shared=self._shared, due=due)
        return Run(config, next(self._numbers), context)

    def _work(self, run: Run) -> bool:
        """Do one run, in a worker's thread; False when the run had been given up and the worker with it."""
        try:
            memory, deadline = self._begin(run)
            run.thread = threading.get_ident()
            seen = self._look(run)
            if not isinstance(seen, CheckOutput):
                return self._let_wait(run, memory, deadline, seen)
            outcome = self._ended(run, memory, deadline, seen)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run ends with a result and is no hang
            outcome = self._own_bug(run, error)
        return self._hand_over(run, outcome)

    def _let_wait(self, run: Run, memory: bytes, deadline: Deadline, made: ToAwait) -> bool:
        """Have a run that was begun in a worker's thread go on in a loop; False when it had been given up."""
        with self._lock:
            run.thread, given_up = 0, run.abandoned
        self._loop_of(run).submit(lambda thread: self._wait(run, thread, memory, deadline, made))
        return not given_up

    async def _work_async(self, run: Run, thread: LoopThread) -> None:
        """Do one run, in a loop's thread."""
        try:
            run.is_in(thread)
            memory, deadline = self._begin(run)
            begun = begin(run.config.check, run.context)
        except Exception as error:  # noqa: BLE001 - as above
            self._hand_over(run, self._own_bug(run, error))
        else:
            await self._wait(run, thread, memory, deadline, begun)

    async def _wait(
        self, run: Run, thread: LoopThread, memory: bytes, deadline: Deadline, begun: CheckOutput | ToAwait
    ) -> None:
        """Await the end of one run."""
        try:
            run.is_in(thread)
            seen = begun if isinstance(begun, CheckOutput) else await go_on(begun, run.context)
            outcome = self._ended(run, memory, deadline, seen)
        except asyncio.CancelledError:
            run.dropped = not run.given_up  # the agent stops
            outcome = self._failure(run, run.given_up)
        except Exception as error:  # noqa: BLE001 - as above
            outcome = self._own_bug(run, error)
        self._hand_over(run, outcome)

    def _own_bug(self, run: Run, error: Exception) -> Outcome:
        log.exception("%s: a bug: its run could not be completed", run.config.name)
        return self._failure(run, f"a bug in the agent or in this check: {type(error).__name__}: {error}")

    def _hand_over(self, run: Run, outcome: Outcome) -> bool:
        """Deliver what came of a run, once; False when it had been given up."""
        if not self._finish(run):
            log.info("%s: the run of %s came back after it was given up", run.config.name, run.clock)
            return False
        if self._is_void(run, outcome):
            self.start(run.config, time.monotonic())
        elif not (run.removed or run.dropped):  # it may be back by now, and then as one that remembers nothing
            self._deliver(outcome)
        return True

    def _is_void(self, run: Run, outcome: Outcome) -> bool:
        """Tell whether the agent stood still over the run's deadline: then a problem it saw may be none.

        Not twice in a row, so that a host that is only slow is told of; nor what the check has noted as told already.
        """
        late = run.context.started + outcome.duration - run.context.deadline - GRACE_SECONDS
        bad = any(result.status is not Status.OK for result in outcome.results)
        with self._lock:
            if run.removed:
                return False
            if late > STILL_SECONDS and bad and outcome.memory is None and run.config.name not in self._void:
                self._void.add(run.config.name)
                return True
            self._void.discard(run.config.name)
            return False

    def _begin(self, run: Run) -> tuple[bytes, Deadline]:
        """Start the run's clock; return what the check remembers, and the call that gives it up."""
        memory = self._memories.get(run.config.name, b"{}")
        run.context.begin(msgspec.json.decode(memory))
        run.started_at = time.time_ns() // 1_000_000
        return memory, self._deadlines.add(run.context.deadline + GRACE_SECONDS, lambda: self._abandon(run))

    def _ended(self, run: Run, memory: bytes, deadline: Deadline, seen: CheckOutput) -> Outcome:
        deadline.call_off()
        if seen.bug:
            log.error("%s: a bug in the check type '%s'\n%s", run.config.name, run.config.type, seen.bug)
        return self._outcome(run, self._remembered(run, memory, seen))

    def _look(self, run: Run) -> CheckOutput | ToAwait:
        if run.config.check.isolation == "thread":
            return begin(run.config.check, run.context)
        try:
            from agent.running.child import execute_in_child

            return execute_in_child(run.config.check, run.context, getattr(self._scrub, "secrets", frozenset()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the run ends with a result
            return broken(f"cannot be run in a process of its own: {type(error).__name__}: {error}")

    def _remembered(self, run: Run, before: bytes, seen: CheckOutput) -> CheckOutput:
        """Keep the check's memory where it changed; return what was seen with only a changed memory in it."""
        if not seen.complete or run.abandoned:
            return msgspec.structs.replace(seen, memory=None)
        try:
            after = msgspec.json.encode(seen.memory)
        except (TypeError, ValueError) as error:
            log.error("%s: ctx.memory holds what JSON cannot: %s", run.config.name, error)
            return CheckOutput((Result(Status.NODATA, f"a bug in this check: ctx.memory: {error}"),), complete=False)
        if after == before:
            return msgspec.structs.replace(seen, memory=None)
        with self._lock:
            if not run.removed:
                self._memories[run.config.name] = after
        return seen

    def _finish(self, run: Run) -> bool:
        with self._lock:
            run.finished = True
            self._running.pop(run.config.name, None)
            return not run.abandoned

    def _abandon(self, run: Run) -> None:
        with self._lock:
            if run.finished or self._stopped:
                return
            now = time.monotonic()
            if now - run.context.deadline - GRACE_SECONDS > STILL_SECONDS and not run.excused:
                run.excused = True  # this comes late, so perhaps the run only stood still with all of us
                self._deadlines.add(now + GRACE_SECONDS, lambda: self._abandon(run))
                return
            if run.task is not None and not run.cancelled:
                run.cancelled = True  # it ends by itself now, with an outcome, unless it holds its loop
                self._deadlines.add(now + GRACE_SECONDS, lambda: self._abandon(run))
                cancel = True
            else:
                run.abandoned, cancel = True, False
            worker = run.thread
        limit = duration_text(run.context.timeout)
        run.given_up = f"did not finish within {limit}, {run.where()}"
        if not cancel:
            self._replace(run, worker)
        run.interrupt()
        if not cancel:
            self._deliver(self._failure(run, run.given_up))

    def _replace(self, run: Run, worker: int) -> None:
        """Have others go on in another thread than the one that hangs."""
        if worker:
            self._workers.lost(run.config.type)
        elif run.loop_thread and run.holds_its_loop():
            self._loop_of(run).lost(run.loop_thread)

    def _failure(self, run: Run, reason: str) -> Outcome:
        return self._outcome(run, CheckOutput((Result(Status.NODATA, reason),), complete=False))

    def _outcome(self, run: Run, seen: CheckOutput) -> Outcome:
        duration = time.monotonic() - run.context.started
        told = presentable((*seen.results, *seen.left_out), self._scrub)
        config = run.config
        return Outcome(
            config.name,
            run.number,
            run.started_at,
            duration,
            told[: len(seen.results)],
            seen.complete,
            without_secrets(seen.memory, self._scrub),
            type=config.type,
            settings_checksum=config.settings_checksum,
            left_out=told[len(seen.results) :],
        )
