"""A dead man's switch of one check, and results that come to it."""

from __future__ import annotations

from collections.abc import Callable

from agent.api import Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.dead_mans_switch import DeadMansSwitch
from agent.model import Count, FailAfter, Outcome, Policy, Result, Status

WALL = 1_700_000_000_000
TTL = 60.0
MAX_RUN = 30.0
OF_TWO = Policy(FailAfter(Count(), Count(), Count(2)))


def backup(policy: Policy | None = None) -> CheckConfig:
    check = PushedCheck(ttl=Duration(TTL), max_run=Duration(MAX_RUN))
    return CheckConfig("backup", "pushed", check, Place("a.yaml"), policy=policy or Policy())


def awaiting(
    policy: Policy | None = None, is_running: Callable[[int], bool] = lambda pid: False, at: float = 0.0
) -> DeadMansSwitch:
    switch = DeadMansSwitch(is_running)
    switch.update([backup(policy)], {}, at, wall(at))
    return switch


def wall(now: float) -> int:
    return WALL + round(now * 1000)


def pushes(switch: DeadMansSwitch, subject: str, now: float) -> None:
    switch.note_result("backup", subject, wall(now), now, wall(now))


def said(switch: DeadMansSwitch, now: float) -> list[Outcome]:
    return switch.overdue(now, wall(now))


def nodata(subject: str, span: str, now: float) -> Outcome:
    text = f"no result for {span}, expected every 1m"
    return Outcome("backup", 0, wall(now), 0.0, (Result(Status.NODATA, text, subject),), complete=False)
