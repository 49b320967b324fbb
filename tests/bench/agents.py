"""Real agents that are measured."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.runs import RunsSeen
from tests.processes.agent_process import AgentProcess, agent_process

INSTALLED = Path(__file__).with_name("installed")
"""Hides what other libraries import only where it is there."""


@contextmanager
def agent_with(checks: dict[str, Any], interval: int) -> Iterator[tuple[AgentProcess, float]]:
    """Start an agent on these checks; yields it and the wall clock of its start, in seconds."""
    # An installed agent has its byte code, whatever the environment of the bench says, and no development packages.
    environ = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(INSTALLED)}
    with tempfile.TemporaryDirectory() as folder, agent_process(Path(folder), environ, measured=True) as agent:
        defaults = {"interval": f"{interval}s", "timeout": f"{min(10_000, interval * 900)}ms"}
        drop_in = {"defaults": defaults, "checks": checks}
        agent.write("bench.yaml", msgspec.json.encode(drop_in).decode())  # JSON is YAML too
        started = time.time()
        agent.start()
        yield agent, started


def wait_for_firsts(agent: AgentProcess, checks: dict[str, Any]) -> dict[str, float]:
    """Wait until every check has given a result; returns when each did, wall clock in seconds."""
    seen = RunsSeen(agent.state)

    def all_there() -> bool:
        seen.look()
        return len(seen.firsts().keys() & checks.keys()) == len(checks)

    agent.wait_until(all_there, "a result of every check", 60)
    return seen.firsts()
