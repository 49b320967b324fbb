"""An agent whose runs and second looks a test makes, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.api import Check, Duration, PushedCheck
from agent.config.settings import CheckConfig, Place
from agent.engine.recorder.recorder import Recorder
from agent.model import Outcome, Policy, Pushed, Result, Silence, Status
from tests.engine.step_by_step import Agent, Api, World

PLAIN = Policy(flapping=None)


def pushed(name: str = "backup", policy: Policy = PLAIN, **more: Any) -> CheckConfig:
    return CheckConfig(name, "pushed", PushedCheck(ttl=Duration(90_000)), Place("a.yaml"), policy=policy, **more)


def run_by_agent(name: str, policy: Policy = PLAIN, **more: Any) -> CheckConfig:
    return CheckConfig(name, "none", Check(), Place("a.yaml"), cron="0 0 * * *", policy=policy, **more)


class Watched(Agent):
    """An agent that notes which checks are to run, and in how many seconds."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder, world, Api())
        self.asked: list[tuple[str, float]] = []
        self.recorder = Recorder(
            self.store,
            world.orders(),
            on_events=lambda: None,
            retry=lambda check, seconds: self.asked.append((check, seconds)),
            next_run=lambda check: 0,
            wall=lambda: world.wall,
            monotonic=lambda: world.monotonic,
            rest=0.0,
        )
        self.looks()

    def passes(self, seconds: float) -> None:
        """Let time pass, looking each second."""
        for _ in range(int(seconds)):
            self.world.passes(1000)
            self.looks()

    def push(self, status: str, check: str = "backup", subject: str = "") -> None:
        result = Result(Status(status), f"it is {status}", subject)
        self.takes(Outcome(check, 0, self.world.wall, 0.0, (result,), complete=False, pushed=Pushed.LIVE))

    def run(self, check: str, status: str, began: int = 0) -> None:
        """A run of a tenth of a second, ending now."""
        began = began or self.world.wall - 100
        seconds = (self.world.wall - began) / 1000
        self.takes(Outcome(check, 1, began, seconds, (Result(Status(status), f"it is {status}"),), type="none"))

    def told(self) -> list[str]:
        return [f"{event.check} {event.status}" for event in self.events()]


def silence(world: World, name: str, seconds: int) -> None:
    world.silences = (*world.silences, Silence(name, world.wall, world.wall + seconds * 1000))
