"""A house with an agent whose drop-ins a test changes, and what was told where."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.processes.agent_process import PATIENT, AgentProcess
from tests.stand_ins.api import ApiStandIn


class House:
    """An agent that watches flags, and where it is told to tell."""

    def __init__(self, folder: Path, agent: AgentProcess) -> None:
        self.folder = folder
        self.agent = agent

    def checks(self, *names: str) -> None:
        checks = "".join(
            f"  {name}: {{type: file, path: {self.folder}/{name}, expect: absent, interval: 1s, {PATIENT}}}\n"
            for name in names
        )
        self.agent.write("checks.yaml", f"checks:\n{checks}")

    def settings(self, text: str) -> None:
        self.agent.write("00-agent.yaml", text)

    def up(self, name: str) -> None:
        (self.folder / name).touch()

    def down(self, name: str) -> None:
        (self.folder / name).unlink()

    def reload(self) -> None:
        """The agent may be starting still: until it listens there is nobody to ask."""
        self.agent.wait_until(lambda: self.agent.call("reload").returncode in (0, 1), "a reload")

    def decided(self, name: str, status: str) -> None:
        def is_so() -> bool:
            return any(row["check"] == name and row["status"] == status for row in self.agent.status()["checks"])

        self.agent.wait_until(is_so, f"{name} is {status}")

    def restart(self, number: int = signal.SIGTERM) -> None:
        self.agent.stop(number)
        self.agent.start()


def events(api: ApiStandIn, more: str = "") -> str:
    return (
        f"agent:\n  hostname: web-1\n  tags: {{env: test}}\n  events: {{endpoint: '{api.url}', api_key: {api.key},"
        f" rate_limit: 600/min}}\n{more}"
    )


def told(api: ApiStandIn, check: str = "flag") -> list[str]:
    """The statuses that the API heard of a check, each event once."""
    once = {event["customTags"]["event_id"]: event for event in api.accepted}
    return [event["status"] for event in once.values() if event["customTags"].get("check_name") == check]


def eventually(true: Callable[[], Any], what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"{what} did not happen within {seconds}s"
        time.sleep(0.05)
