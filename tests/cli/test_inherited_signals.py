"""Whoever starts a command may ignore or block signals, and hands that on."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes.agent_process import AgentProcess


def ignore() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def block() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


@pytest.mark.parametrize("inherited", [ignore, block])
def test_the_exit_status_of_a_wrapped_command_is_not_lost(tmp_path: Path, inherited: Callable[[], None]) -> None:
    agent = AgentProcess(tmp_path)
    command = [*agent._command("wrap"), "job", "--", "sh", "-c", "exit 3"]
    done = subprocess.run(command, preexec_fn=inherited, capture_output=True, timeout=60, check=False)
    assert done.returncode == 3


@pytest.mark.parametrize("inherited", [ignore, block])
def test_an_agent_ends_when_it_is_told_to_and_a_command_has_its_answer(
    tmp_path: Path, inherited: Callable[[], None]
) -> None:
    agent = AgentProcess(tmp_path)
    agent.write("a.yaml", "checks: {one: {type: script, command: [sh, -c, exit 2], interval: 1s}}\n")
    process = subprocess.Popen(agent._command("run", "--at-once"), preexec_fn=inherited)  # noqa: PLW1509
    try:
        agent.wait_until(lambda: "one" in {line["check"] for line in agent.status()["checks"]}, "a result")
        asked = agent._command("status", "one")
        done = subprocess.run(
            asked,
            preexec_fn=inherited,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "critical" in done.stdout
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("module", ["agent.cli.options", "agent.cli.validate"])
def test_ctrl_c_while_a_command_is_imported_says_nothing(module: str) -> None:
    code = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *more):\n"
        f"        name == '{module}' and os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from agent.cli.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "validate"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
