"""A decider by itself, for tests of what it decides: without a store and a thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from agent.api import Check, Duration, PushedCheck
from agent.config.settings import CheckConfig, DependsOn, Place
from agent.engine.notifications import Sender, of_change
from agent.engine.recorder.commands import RecorderConfig, Schedule
from agent.engine.recorder.deciding import Decider
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.engine.self_check import BROKEN
from agent.engine.state.transition import Transition
from agent.engine.suppression.reasons import Suppression
from agent.model import (
    Count,
    FailAfter,
    Notification,
    Outcome,
    Policy,
    Reason,
    Report,
    Result,
    State,
    Status,
)
from agent.plugin.clock import Clocks
from agent.store import LastRun

NOW = 1_800_000_000_000
STEADY = Policy(flapping=None)
TWICE = Policy(FailAfter(Count(2), Count(2), Count(2)), flapping=None)


def run_by_agent(name: str, *parents: str, policy: Policy = STEADY, **more: Any) -> CheckConfig:
    place, above = Place("a.yaml"), DependsOn(parents)
    return CheckConfig(name, "http", Check(), place, interval=60.0, policy=policy, depends_on=above, **more)


def pushed(name: str, *parents: str, policy: Policy = STEADY) -> CheckConfig:
    settings = PushedCheck(ttl=Duration(90_000))
    return CheckConfig(name, "pushed", settings, Place("a.yaml"), policy=policy, depends_on=DependsOn(parents))


def broken(name: str) -> CheckConfig:
    return CheckConfig(name, BROKEN, Check(), Place("a.yaml"), interval=0.0)


class House:
    """A decider, and what it asks of those around it."""

    def __init__(self, *checks: CheckConfig, states: Iterable[State] = (), runs: Iterable[LastRun] = ()) -> None:
        self.wall, self.now = NOW, 1000.0
        self.reason: tuple[Reason, ...] = ()
        """Why nothing is told."""
        self.silences: tuple[object, ...] = ()
        self.asked: list[tuple[str, str, int, int]] = []
        """What was asked: may this be told?"""
        self.retries: list[tuple[str, float]] = []
        self.steps: list[tuple[Transition, bool]] = []
        self.worded: list[tuple[str, CheckConfig]] = []
        """Of which subject something was worded, and under which configuration."""
        self.bugs: set[str] = set()
        """Checks for which nobody can say whether anything suppresses."""
        self.suppressions = 0
        """How often it was looked up what suppresses."""
        self.buffer = WriteBuffer()
        schedule = Schedule(
            lambda check, seconds: self.retries.append((check, seconds)), lambda check: 77 if check == "web" else 0
        )
        config = self.config(*checks)
        clocks = Clocks(lambda: self.wall, lambda: self.now)
        self.decider = Decider(states, list(runs), config, self.buffer, schedule, clocks)
        self.decider.configure(config)

    def config(self, *checks: CheckConfig, retire: bool = True) -> RecorderConfig:
        by_name = {check.name: check for check in checks}
        return RecorderConfig(
            by_name, self._compose, self._suppress, retire=retire, observe=lambda *step: self.steps.append(step)
        )

    def _compose(self, report: Report, step: Transition, config: CheckConfig) -> Notification:
        self.worded.append((step.state.subject, config))
        return of_change(report, step.result, config, Sender({"host": "here"}, {}), step.at)

    def _suppress(self, states: object) -> Suppression:
        self.suppressions += 1
        return cast(Suppression, self)

    def reasons(self, check: CheckConfig, subject: str, began: int, now: int) -> tuple[Reason, ...]:
        if check.name in self.bugs:
            raise ZeroDivisionError("odd")
        self.asked.append((check.name, subject, began, now))
        return self.reason

    def take(self, check: str, *results: Result, kind: str = "http", **more: Any) -> None:
        """An outcome of a run of two seconds, ending now."""
        self.decider.begin_step()
        self.decider.take(Outcome(check, 1, self.wall - 2000, 2.0, results, type=kind, **more))

    def passes(self, seconds: float) -> None:
        """Let time pass, and look at who is due then."""
        self.wall, self.now = self.wall + round(seconds * 1000), self.now + seconds
        self.decider.begin_step()
        self.decider.look(self.now)

    def configure(self, *checks: CheckConfig, retire: bool = True) -> None:
        self.decider.configure(self.config(*checks, retire=retire))

    def told(self) -> list[str]:
        """What was to be told since this was asked last."""
        found = [one.notification for one in self.buffer.changes if one.notification]
        self.buffer.changes.clear()
        return [f"{one.check} {one.subject} {one.status}" for one in found]

    def state(self, check: str, subject: str = "") -> State:
        return next(one for one in self.decider.states if (one.check, one.subject) == (check, subject))

    def facts(self) -> Mapping[str, str]:
        return {name: value() for name, value in self.buffer.facts.items()}


def ok(subject: str = "") -> Result:
    return Result(Status.OK, "well", subject)


def bad(subject: str = "") -> Result:
    return Result(Status.CRITICAL, "down", subject)
