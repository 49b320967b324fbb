"""Outcomes and configurations in, changes of state out: `state` and `suppression` applied to what is known."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from agent.api import Check
from agent.config.settings import CheckConfig, Place, has_runs
from agent.engine.notifications import under_one_name
from agent.engine.recorder.changes import is_gone, with_settings
from agent.engine.recorder.commands import Acknowledge, RecorderConfig, Schedule
from agent.engine.recorder.current_reasons import CurrentReasons
from agent.engine.recorder.last_results import LastResults, as_last_run
from agent.engine.recorder.no_result_yet import NoResultYet
from agent.engine.recorder.parents import ParentRuns
from agent.engine.recorder.second_look import SecondLooks
from agent.engine.recorder.unset_clock import put_right
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.engine.self_check import BROKEN
from agent.engine.state.transition import Transition, advance, apply_result, judge_again
from agent.model import EventStatus, Outcome, Policy, Reason, Result, State, Status
from agent.plugin.clock import Clocks
from agent.store import Change, LastRun

log = logging.getLogger("hostvigil.recorder")

RETIRED = "no longer configured on this host"


class Decider:
    """Owned by the recorder's thread. The states here are ahead of the written ones while the disk takes nothing."""

    def __init__(
        self,
        states: Iterable[State],
        last_runs: Sequence[LastRun],
        config: RecorderConfig,
        buffer: WriteBuffer,
        schedule: Schedule,
        clocks: Clocks,
    ) -> None:
        self._states: dict[str, dict[str, State]] = {}
        for state in states:
            self._states.setdefault(state.check, {})[state.subject] = state
        self._results = LastResults(last_runs)
        self._parents = ParentRuns(self._states, last_runs)
        self._reasons = CurrentReasons(self._states, self._parents, config, clocks)
        self._looks = SecondLooks()
        self._config = config
        self._no_result_yet = NoResultYet(buffer)
        self._buffer = buffer
        self._schedule = schedule
        self._clocks = clocks

    @property
    def next_look(self) -> float:
        """When a subject is to be looked at without a result, in monotonic seconds."""
        return self._looks.next_look

    def configure(self, config: RecorderConfig) -> None:
        """Take over the configuration: what is gone is closed and forgotten, what is unchanged keeps its state."""
        for check, states in list(self._states.items()):
            if is_gone(check, states.values(), config):
                self._retire(check)
        self._config = config
        self._reasons.configure(config)
        self._parents.configure(config.checks)
        self._looks.keep(self._is_known)
        self._results.keep(self._is_kept)
        self._look_at_all()
        self._results.forget_start()
        self._no_result_yet.configure(config.checks, [name for name, states in self._states.items() if states])

    def begin_step(self) -> None:
        """What has come was taken: silences are looked at anew, once for all of it."""
        self._reasons.begin_step()

    def _look_at_all(self) -> None:
        """A new configuration may lift what held something back, or count otherwise; a start goes on where it was."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        for config, state in [(self._config.checks.get(state.check), state) for state in self.states]:
            key = (state.check, state.subject)
            if state.suppressed_by:
                self._ask_parents(state.check, state.suppressed_since)
            if state.suppressed_by or key in self._results:
                self._looks.at_once(*key, now)
            elif config and has_runs(config):
                last = self._results.at_start(key)
                self._looks.go_on(state, last, config.policy, wall, now)
                if last and last is not state.decided and config.retry_interval:
                    self._schedule.retry(config.name, config.retry_interval)

    def _is_known(self, key: tuple[str, str]) -> bool:
        return key[0] in self._config.checks and key[1] in self._states.get(key[0], {})

    def _is_kept(self, key: tuple[str, str]) -> bool:
        """Tell whether a last result is needed: there is no fresh one to be had, or nobody knows yet."""
        config = self._config.checks.get(key[0])
        return self._config.may_come_back(key[0]) if config is None else self._is_known(key) and not has_runs(config)

    @property
    def states(self) -> Iterator[State]:
        """Yield what is believed of every subject."""
        return (state for subjects in self._states.values() for state in subjects.values())

    def is_meant(self, outcome: Outcome) -> bool:
        """Tell whether the outcome is of a check as it is configured now: a reload may have removed it as it ran."""
        config = self._config.checks.get(outcome.check)
        return config is not None and outcome.type in ("", config.type)

    def take(self, outcome: Outcome) -> None:
        """Decide what an outcome changes."""
        check, config = outcome.check, self._config.checks[outcome.check]
        states = self._states.setdefault(outcome.check, {})
        observed_at = outcome.started_at + round(outcome.duration * 1000)
        self._parents.note_run(outcome)
        self._put_right()

        def reasons(subject: str) -> tuple[Reason, ...]:
            return self._reasons.of(check, subject, outcome.started_at, observed_at)

        # What is pushed, or said by the agent itself, names no type; the stand-in of a broken check has none.
        typed_outcome = (
            outcome if outcome.type or config.type == BROKEN else msgspec.structs.replace(outcome, type=config.type)
        )
        for step in advance(states, outcome, config.policy, observed_at, reasons):
            self._take_step(with_settings(step, typed_outcome), config, measured=True)
            if not step.last:
                self._note(step, outcome)
        self._recheck_children(check)
        if states:
            self._no_result_yet.has_result(check)
        if outcome.memory is not None:
            self._buffer.remember(outcome.check, outcome.memory)

    def acknowledge(self, command: Acknowledge) -> list[str]:
        """Note it in what is told as a problem now; return the subjects."""
        states = self._states.get(command.check, {})
        problems = [one for one in states.values() if one.notified not in (None, EventStatus.OK)]
        matches = [one for one in problems if command.subject in (None, one.subject)]
        for one in matches:
            states[one.subject] = msgspec.structs.replace(one, acknowledged=command.words)
            self._buffer.change(Change(states[one.subject]))
            if not command.words:
                self._looks.at_once(one.check, one.subject, self._clocks.monotonic())  # a repetition may be due
        return [one.subject for one in matches]

    def look(self, now: float) -> None:
        """Look at the subjects for which the time has come: run their check, or judge what is known once more.

        `now` in monotonic seconds.
        """
        self._put_right()
        for check, subject in self._looks.due(now, self._clocks.wall(), self._reasons.silences):
            if self._is_known((check, subject)):
                try:
                    self._look(check, subject)
                except Exception:
                    log.exception("a bug of ours: %s %s is not looked at again", check, subject)

    def _put_right(self) -> None:
        """Once somebody has set a clock that was not set, what was noted by it is put right."""
        if shift := self._reasons.clock_shift():
            for states in self._states.values():
                for subject, state in states.items():
                    states[subject] = put_right(state, shift)
                    if states[subject] != state:
                        self._buffer.change(Change(states[subject]))

    def believe_again(self, last_true: Callable[[str, str], int]) -> None:
        """Of pushed results for which it was said that nothing came since: believe those that are true after all.

        Their `ttl` is longer now, or their check was written wrong. `last_true` says of when they are, 0: they are not.
        """
        for (check, subject), result in self._results.missing():
            if self._is_known((check, subject)) and (at := last_true(check, subject)):
                self._believe_again(check, subject, result)
                self._results.is_true((check, subject))
                self._buffer.note(LastRun(check=check, subject=subject, result=result, at=at, duration=0.0, next_at=0))

    def _believe_again(self, check: str, subject: str, result: Result) -> None:
        config, now = self._config.checks[check], self._clocks.wall()
        # It was counted when it came; but an ok is counted from the latest nodata on.
        judge = apply_result if result.status is Status.OK else judge_again
        reasons = self._reasons.of(check, subject, now, now)
        step = judge(self._states[check][subject], result, config.policy, now, reasons)
        self._take_step(step, config)

    def _look(self, check: str, subject: str) -> None:
        config, state, now = self._config.checks[check], self._states[check][subject], self._clocks.wall()
        reasons = self._reasons.of(check, subject, now, now)
        result = self._results.get((check, subject))
        if has_runs(config):
            if not reasons:
                self._schedule.retry(check, 0.0)
            else:
                self._looks.wait(check, subject, [reason.until for reason in reasons], now, self._clocks.monotonic())
        elif result is not None and (config.type != BROKEN or not subject):
            self._take_step(judge_again(state, result, config.policy, now, reasons), config)

    def _take_step(self, step: Transition, config: CheckConfig, measured: bool = False) -> None:
        check, subject = step.state.check, step.state.subject
        if self._config.observe:
            self._config.observe(step, measured)
        self._parents.note_step(step)
        if step.last:
            self._close(step, config)
            del self._states[check][subject]
            return
        state = step.state
        if step.report or step.state != step.before:
            change = self._change(step, config)
            state = change.state
            self._buffer.change(change)
        self._states[check][subject] = state
        self._looks.plan(step, config.policy, self._clocks.monotonic())
        self._have_run(step, config)

    def _note(self, step: Transition, outcome: Outcome) -> None:
        check, subject = step.state.check, step.state.subject
        before = None
        if not has_runs(self._config.checks[check]):
            before = self._results.note((check, subject), step.result, outcome)
        self._buffer.note(as_last_run(step, outcome, self._schedule.next_run(check), before))

    def _have_run(self, step: Transition, config: CheckConfig) -> None:
        """Have a run sooner where it will matter: of an undecided check, and of parents whose word is waited for."""
        if step.undecided and config.retry_interval:
            self._schedule.retry(config.name, config.retry_interval)
        if step.suppressed_by and not step.before.suppressed_since:
            self._ask_parents(config.name, step.state.suppressed_since)

    def _ask_parents(self, check: str, since: int) -> None:
        for parent in self._parents.pending_parents(check, since):
            if self._parents.is_stale(parent.name, since):
                self._schedule.retry(parent.name, 0.0)

    def _recheck_children(self, parent: str) -> None:
        """A parent has a result: look again at what is held back below it, or ask it once more for a fresher one."""
        if not self._parents.is_one(parent):
            return
        for check, subject in self._looks.list_suppressed():
            if self._parents.depends(check, parent):
                state, now = self._states[check][subject], self._clocks.wall()
                if self._parents.waits(check, state, now, now):
                    self._ask_parents(check, state.suppressed_since)
                else:
                    self._looks.at_once(check, subject, self._clocks.monotonic())

    def _retire(self, check: str) -> None:
        """Close what is open of a check and forget it, all in the next transaction."""
        self._buffer.forget(check)
        self._parents.forget(check)
        for state in self._states.pop(check).values():
            result = Result(Status.OK, RETIRED, state.subject)
            step = apply_result(state, result, Policy(flapping=None), self._clocks.wall())
            if self._config.observe:
                self._config.observe(msgspec.structs.replace(step, last=True), False)
            config = self._config.checks.get(check)
            if config is None or state.type not in ("", config.type):  # as after a restart: what it was is not known
                config = CheckConfig(check, state.type, Check(), Place(""))
            self._buffer.change(msgspec.structs.replace(self._change(step, config), last=True))

    def _close(self, step: Transition, config: CheckConfig) -> None:
        """Close what is open of a subject and forget it, all in the next transaction."""
        change = msgspec.structs.replace(self._change(step, config), last=True)
        key = (step.state.check, step.state.subject)
        self._buffer.forget(*key)
        self._looks.forget(*key)
        self._results.forget(key)
        self._buffer.change(change)

    def _change(self, step: Transition, config: CheckConfig) -> Change:
        if not step.report:
            return Change(step.state)
        return Change(*under_one_name(step.state, self._config.compose(step.report, step, config)))
