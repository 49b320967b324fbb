"""A command that tests fork is the same as one that is started: else what they prove is of no use."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.processes.agent_process import AgentProcess, agent_process

CHECKS = "checks:\n  web: {type: script, command: [sh, -c, 'echo $SAID; exit 2'], env: {SAID: '${env:SAID}'}}\n"


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[AgentProcess, AgentProcess]]:
    """One that is forked, and one with a Python of its own."""
    with ExitStack() as stack:
        found = []
        for name, measured in (("forked", False), ("started", True)):
            folder = tmp_path / name
            folder.mkdir()
            found.append(stack.enter_context(agent_process(folder, {"SAID": "hello", "TZ": "Asia/Tokyo"}, measured)))
            found[-1].write("a.yaml", CHECKS)
        yield found[0], found[1]


@pytest.mark.parametrize(
    "words", [("validate",), ("check", "web"), ("status",), ("no-such-command",), ("reload", "--wrong"), ("--help",)]
)
def test_it_says_the_same_and_ends_the_same(both: tuple[AgentProcess, AgentProcess], words: tuple[str, ...]) -> None:
    ends = []
    for agent in both:
        done = agent.call(*words)
        said = (done.stdout + done.stderr).replace(str(agent.config.parent), "")
        ends.append((done.returncode, re.sub(r"took [\d.]+m?s|\d+", "N", said)))
    assert ends[0] == ends[1]


def test_an_agent_ends_by_the_same_signals_with_the_same_status(both: tuple[AgentProcess, AgentProcess]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        ends = []
        for agent in both:
            agent.start()
            agent.wait_for_socket("control.sock")
            agent.wait_until(lambda agent=agent: agent.status()["checks"], "a result")  # type: ignore[misc]
            ends.append(agent.stop(number))
            assert "hostvigil" in agent.output()
        assert ends == [0 if number == signal.SIGTERM else -number] * 2
