"""Results that are pushed to an agent, and time that passes without them."""

from __future__ import annotations

from agent.api import Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.model import Outcome, Policy, Pushed, Result, Status
from tests.engine.step_by_step import Agent, World

TTL = 3600.0
PLAIN = Policy(flapping=None)


def pushed(ttl: float = TTL, max_run: float | None = None, policy: Policy = PLAIN) -> CheckConfig:
    settings = PushedCheck(ttl=Duration(ttl), max_run=None if max_run is None else Duration(max_run))
    return CheckConfig("backup", "pushed", settings, Place("a.yaml"), policy=policy)


def result(world: World, status: Status = Status.OK, how: Pushed = Pushed.LIVE, run: int = 0, ago: int = 0) -> Outcome:
    results = (Result(status, f"it is {status}"),)
    return Outcome("backup", run, world.wall - ago * 1000, 0.0, results, complete=False, pushed=how)


def pass_(agent: Agent, seconds: float) -> None:
    """Let time pass, and the recorder look."""
    agent.world.passes(round(seconds * 1000))
    agent.recorder.put(lambda: None)
    agent.recorder.step()


def told(agent: Agent) -> list[str]:
    return [event.status for event in agent.events()]
