"""Runs of checks: deadline, isolation, exceptions -> exactly one outcome each, whatever the check does."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from agent.config.diff import checks_on_schedule, difference, running
from agent.config.settings import CheckConfig, Config
from agent.model import Outcome
from agent.plugin.clock import wall_clock
from agent.plugin.units import duration_text
from agent.running.execute import GRACE_SECONDS, CheckOutput, ToAwait, begin, bug_output, go_on, is_async
from agent.running.loop import Loop, LoopThread
from agent.running.memories import Memories, SecondTries
from agent.running.memory_text import from_json
from agent.running.outcomes import failure_of, outcome_of
from agent.running.run import Phase, Run
from agent.running.runs import Overdue, Runs
from agent.running.timers import Deadline, Deadlines
from agent.running.workers import Workers

log = logging.getLogger("hostvigil.runner")


class RunStart(NamedTuple):
    """What a run starts with."""

    memory: bytes
    """What the check remembers, as JSON."""
    deadline: Deadline
    """The call that gives it up."""


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
        self._memories = Memories(memories or {})
        self._second_tries = SecondTries()
        self._runs = Runs()
        self._deadlines = Deadlines()
        self._workers = Workers(self._work, self._deadlines)
        self._loops = {True: Loop("loop"), False: Loop("loop of own types")}

    def start(self, config: CheckConfig, due: float) -> None:
        """Run the check now; `due` is when it should have been, in monotonic seconds. Never beside itself."""
        run = self._runs.begin(config, due)
        if run is None:
            return
        if run.phase is Phase.ABANDONED:
            self._deliver(self._failure(run, f"the run of {run.clock} still {run.where()}"))
        elif config.check.isolation == "thread" and is_async(type(config.check)):
            self._loop_of(run).submit(lambda thread: self._work_async(run, thread))
        else:
            self._workers.submit(run, config.type)

    def _loop_of(self, run: Run) -> Loop:
        return self._loops[type(run.config.check).__module__.startswith("checks.")]

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        self.forget(difference(running(old), running(new)).removed)
        changes = difference(checks_on_schedule(old), checks_on_schedule(new))
        self._runs.replace({**changes.added, **changes.changed})

    def forget(self, removed: Iterable[str]) -> None:
        """Forget what removed checks remember; runs in progress go on."""
        checks = frozenset(removed)
        self._runs.remove(checks)
        self._memories.forget(checks)
        self._second_tries.forget(checks)

    def stop(self) -> None:
        """Give up every run in progress; their threads are daemons and hold nothing."""
        for run in self._runs.stop():
            run.interrupt()

    def _work(self, run: Run) -> bool:
        """Do one run, in a worker's thread; False when the run had been given up and the worker with it."""
        try:
            start = self._begin(run)
            run.at.worker = threading.get_ident()
            answer = self._look(run)
            if not isinstance(answer, CheckOutput):
                has_worker = self._runs.leaves_worker(run)
                self._loop_of(run).submit(lambda thread: self._wait(run, thread, start, answer))
                return has_worker
            outcome = self._complete(run, start, answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run ends with a result and is no hang
            outcome = self._own_bug(run, error)
        return self._hand_over(run, outcome)

    def _look(self, run: Run) -> CheckOutput | ToAwait:
        if run.config.check.isolation == "thread":
            return begin(run.config.check, run.context)
        try:
            from agent.running.child import execute_in_child

            return execute_in_child(run.config.check, run.context, getattr(self._scrub, "secrets", frozenset()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the run ends with a result
            return bug_output(f"cannot be run in a process of its own: {type(error).__name__}: {error}")

    async def _work_async(self, run: Run, thread: LoopThread) -> None:
        """Do one run, in a loop's thread."""
        try:
            run.enters(thread)
            start = self._begin(run)
            answer = begin(run.config.check, run.context)
        except Exception as error:  # noqa: BLE001 - as above
            self._hand_over(run, self._own_bug(run, error))
        else:
            await self._wait(run, thread, start, answer)

    async def _wait(self, run: Run, thread: LoopThread, start: RunStart, answer: CheckOutput | ToAwait) -> None:
        """Await the end of one run."""
        outcome: Outcome | None
        try:
            if run.at.task is None:
                run.enters(thread)  # it comes from a worker
            if not isinstance(answer, CheckOutput):
                answer = await go_on(answer, run.context, run.config.check)
            outcome = self._complete(run, start, answer)
        except asyncio.CancelledError:
            outcome = self._failure(run, run.failure_reason) if run.failure_reason else None  # None: the agent stops
        except Exception as error:  # noqa: BLE001 - as above
            outcome = self._own_bug(run, error)
        self._hand_over(run, outcome)

    def _begin(self, run: Run) -> RunStart:
        """Start the run's clock."""
        memory = self._memories.of(run.config.name)
        run.context.begin(from_json(memory))
        run.started_at = wall_clock()
        return RunStart(memory, self._deadlines.add(run.context.deadline + GRACE_SECONDS, lambda: self._overdue(run)))

    def _complete(self, run: Run, start: RunStart, output: CheckOutput) -> Outcome:
        start.deadline.call_off()
        final = self._memories.keep(run, start.memory, output)
        if output.bug and not run.spoiled:
            log.error("%s: a bug in the check type '%s'\n%s", run.config.name, run.config.type, output.bug)
        return outcome_of(run, final, self._scrub)

    def _own_bug(self, run: Run, error: Exception) -> Outcome:
        log.exception("%s: a bug: its run could not be completed", run.config.name)
        return self._failure(run, f"a bug in the agent or in this check: {type(error).__name__}: {error}")

    def _failure(self, run: Run, reason: str) -> Outcome:
        return failure_of(run, reason, self._scrub)

    def _hand_over(self, run: Run, outcome: Outcome | None) -> bool:
        """Deliver what came of a run, once; False when it had been given up. None: it ended with the agent."""
        if not self._runs.finish(run):
            log.info("%s: the run of %s came back after it was given up", run.config.name, run.clock)
            return False
        if run.successor:
            self.start(run.successor, time.monotonic())
        elif outcome and self._second_tries.wants(run, outcome):
            self.start(run.config, time.monotonic())
        elif outcome and not run.removed:  # it may be back by now, and then as one that remembers nothing
            self._deliver(outcome)
        return True

    def _overdue(self, run: Run) -> None:
        """Its time is over. Called by the thread of deadlines."""
        now = time.monotonic()
        action = self._runs.overdue(run, now - run.context.deadline - GRACE_SECONDS)
        if action is Overdue.NOTHING:
            return
        if action is not Overdue.EXCUSE:
            run.failure_reason = f"did not finish within {duration_text(run.context.timeout)}, {run.where()}"
        if action is Overdue.ABANDON:
            self._abandon(run)
            return
        self._deadlines.add(now + GRACE_SECONDS, lambda: self._overdue(run))
        if action is Overdue.CANCEL:
            run.interrupt()

    def _abandon(self, run: Run) -> None:
        """Tell its outcome without it; others go on in another thread than the one that hangs."""
        if run.at.worker:
            self._workers.replace(run.config.type)
        elif run.at.loop and run.at.holds_its_loop():
            self._loop_of(run).replace(run.at.loop)
        run.interrupt()
        self._deliver(self._failure(run, run.failure_reason))
