"""One run of a check: deadline, isolation, exceptions -> exactly one outcome, whatever the check does."""

from __future__ import annotations

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
from agent.running.execute import GRACE_SECONDS, CheckOutput, broken, execute
from agent.running.place import place_in_code
from agent.running.timers import Deadlines
from agent.running.workers import Workers

log = logging.getLogger("hostvigil.runner")

STILL_SECONDS = 1.0
"""What is so late that the whole agent stood still meanwhile: stopped, or paused with its machine."""


class Run:
    """One run in progress."""

    def __init__(self, config: CheckConfig, number: int, context: Context) -> None:
        self.config = config
        self.number = number
        self.context = context
        self.started_at = 0
        self.thread = 0
        self.finished = False
        self.abandoned = False
        self.removed = False
        self.excused = False


class Runner:
    """Runs checks on daemon threads. `start` never blocks; each run is handed to `deliver` as one outcome."""

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

    def start(self, config: CheckConfig, due: float) -> None:
        """Run the check now; `due` is when it should have been, in monotonic seconds. Never beside itself."""
        with self._lock:
            last = self._running.get(config.name)
            if self._stopped or (last and not last.abandoned):
                return
            if last is None:
                run = self._running[config.name] = self._new_run(config, due)
        if last is None:
            self._workers.submit(run)
        else:
            self._deliver(self._failure(last, f"the run of {_clock(last)} still hangs {_where(last)}"))

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
            _interrupt(run)

    def _new_run(self, config: CheckConfig, due: float) -> Run:
        context = Context(config.name, config.timeout, shared=self._shared, due=due)
        return Run(config, next(self._numbers), context)

    def _work(self, run: Run) -> bool:
        """Do one run, in a worker's thread; False when the run had been given up and the worker with it."""
        try:
            outcome = self._execute(run)
        except Exception as error:  # whatever it is, the run ends with a result and is no hang
            log.exception("%s: a bug: its run could not be completed", run.config.name)
            outcome = self._failure(run, f"a bug in the agent or in this check: {type(error).__name__}: {error}")
        if not self._finish(run):
            log.info("%s: the run of %s came back after it was given up", run.config.name, _clock(run))
            return False
        if self._is_void(run, outcome):
            self.start(run.config, time.monotonic())
        elif not run.removed:  # it may be back by now, and then as one that remembers nothing
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

    def _execute(self, run: Run) -> Outcome:
        memory = self._memories.get(run.config.name, b"{}")
        run.context.begin(msgspec.json.decode(memory))
        run.thread = threading.get_ident()
        run.started_at = time.time_ns() // 1_000_000
        deadline = self._deadlines.add(run.context.deadline + GRACE_SECONDS, lambda: self._abandon(run))
        seen = self._look(run)
        deadline.call_off()
        if seen.bug:
            log.error("%s: a bug in the check type '%s'\n%s", run.config.name, run.config.type, seen.bug)
        seen = self._remembered(run, memory, seen)
        return self._outcome(run, seen)

    def _look(self, run: Run) -> CheckOutput:
        if run.config.check.isolation == "thread":
            return execute(run.config.check, run.context)
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
            run.abandoned = True
        self._workers.lost()
        _interrupt(run)
        limit = duration_text(run.context.timeout)
        self._deliver(self._failure(run, f"did not finish within {limit}, hangs {_where(run)}"))

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


def _interrupt(run: Run) -> None:
    try:
        run.context.interrupt()
    except Exception:
        log.exception("%s: a bug: the check's own interrupt failed", run.config.name)


def _clock(run: Run) -> str:
    return time.strftime("%H:%M:%S", time.localtime(run.started_at / 1000))


def _where(run: Run) -> str:
    return place_in_code(run.thread, run.config.check)
