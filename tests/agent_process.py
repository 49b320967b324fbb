"""A real agent for a test: its own process, its own drop-ins and state, killed at the end whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class AgentProcess:
    """`hostvigil run` on a directory of drop-ins, and the other commands beside it."""

    def __init__(self, folder: Path, environ: dict[str, str] | None = None) -> None:
        self.config = folder / "conf.d"
        self.state = folder / "state"
        self.log = folder / "agent.log"
        self.config.mkdir(exist_ok=True)
        self._environ = os.environ | (environ or {})
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, name: str, text: str) -> None:
        (self.config / name).write_text(text)

    def start(self, *options: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command("run", "--at-once", *options), stdout=log, stderr=log, env=self._environ
            )

    def stop(self, number: int = signal.SIGTERM, seconds: float = 10) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same configuration and state."""
        return subprocess.run(
            self._command(*arguments), capture_output=True, text=True, timeout=30, env=self._environ, check=False
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self.call(*arguments, "--json").stdout)

    def status(self) -> dict[str, Any]:
        """Return what `hostvigil status` says of checks that have a result; empty while there is no store to read."""
        done = self.call("status", "--json")
        if done.returncode:
            return {"agent": None, "outbox": {"count": 0}, "checks": []}
        said: dict[str, Any] = json.loads(done.stdout)
        return said | {"checks": [line for line in said["checks"] if "no result yet" not in line["marks"]]}

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until(self, true: Callable[[], Any], what: str, seconds: float = 15) -> None:
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, (
                f"{what} did not happen within {seconds}s; the agent said:\n{self.output()}"
            )
            time.sleep(0.05)

    def _command(self, command: str, *arguments: str) -> Sequence[str]:
        places = ("--config", str(self.config), "--state", str(self.state))
        return (sys.executable, "-m", "agent.cli", command, *places, *arguments)


@contextmanager
def agent_process(folder: Path, environ: dict[str, str] | None = None) -> Iterator[AgentProcess]:
    agent = AgentProcess(folder, environ)
    try:
        yield agent
    finally:
        if agent.process is not None and agent.process.poll() is None:
            agent.stop(signal.SIGKILL)
