"""A real agent for a test: its own process, its own drop-ins and state, killed at the end whatever happens."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from agent.cli.main import main
from agent.push.sockets import open_socket
from tests.processes.forked import Forked, call

PATIENT = "fail_after: {nodata: 99}"
"""Of a check with short intervals: on a busy machine a run may not end in time, and what is told is not about that."""


class AgentProcess:
    """`hostvigil run` on a directory of drop-ins, and the other commands beside it.

    `measured`: each in a Python of its own, for who counts its memory or its time.
    """

    def __init__(self, folder: Path, environ: dict[str, str] | None = None, measured: bool = False) -> None:
        self.config = folder / "conf.d"
        self.state = folder / "state"
        self.log = folder / "agent.log"
        self.config.mkdir(exist_ok=True)
        self._environ = os.environ | (environ or {})
        self._own = measured or any(name.startswith(("PYTHON", "LD_")) for name in environ or {})
        self.process: subprocess.Popen[bytes] | Forked | None = None

    def write(self, name: str, text: str) -> None:
        (self.config / name).write_text(text)

    def start(self, *options: str) -> None:
        command = self._command("run", "--at-once", *options)
        with self.log.open("ab") as log:
            if self._own:
                self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environ)
            else:
                self.process = Forked(command[3:], self._environ, (0, log.fileno(), log.fileno()))

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same configuration and state."""
        command = self._command(*arguments)
        # A wrapped command is known by the name of its process.
        if self._own or arguments[0] == "wrap":
            return subprocess.run(command, capture_output=True, text=True, timeout=90, env=self._environ, check=False)
        return call(command[3:], self._environ)

    def json(self, *arguments: str) -> Any:
        return json.loads(self.call(*arguments, "--json").stdout)

    def status(self) -> dict[str, Any]:
        """Return what `hostvigil status` says of checks that have a result; empty while there is no store to read."""
        code, printed = self._called_here("status", "--json")
        if code:
            return {"agent": None, "outbox": {"count": 0}, "checks": []}
        said: dict[str, Any] = json.loads(printed)
        return said | {"checks": [line for line in said["checks"] if "no result yet" not in line["marks"]]}

    def _called_here(self, *arguments: str) -> tuple[int, str]:
        """Run a command in this process: tests ask over and over, and a Python of its own costs 20 times as much."""
        printed = io.StringIO()
        with (
            patch.dict(os.environ, self._environ, clear=True),
            redirect_stdout(printed),
            redirect_stderr(io.StringIO()),
        ):
            return main(self._command(*arguments)[3:]), printed.getvalue()

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_until(self, true: Callable[[], Any], what: str, seconds: float = 60) -> None:
        until, step = time.monotonic() + seconds, 0.03
        while not true():
            assert time.monotonic() < until, (
                f"{what} did not happen within {seconds}s; the agent said:\n{self.output()}"
            )
            time.sleep(step)
            step = min(0.2, step * 1.2)  # to look costs the processor's time, which the agent is to have

    def wait_for_socket(self, name: str) -> None:
        """Wait until somebody listens: a socket is in its place a moment before."""

        def listens() -> bool:
            with suppress(OSError), open_socket(self.state / name) as path, socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                return True
            return False

        self.wait_until(listens, f"listening on {name}")

    def _command(self, command: str, *arguments: str) -> Sequence[str]:
        places = ("--config", str(self.config), "--state", str(self.state))
        return (sys.executable, "-m", "agent.cli", command, *places, *arguments)


@contextmanager
def agent_process(
    folder: Path, environ: dict[str, str] | None = None, measured: bool = False
) -> Iterator[AgentProcess]:
    agent = AgentProcess(folder, environ, measured)
    try:
        yield agent
    finally:
        if agent.process is not None and agent.process.poll() is None:
            agent.stop(signal.SIGKILL)
