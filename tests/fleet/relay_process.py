"""A real relay for a test: its own process and state; python -m tests.fleet.relay_process CONFIG SECONDS runs one."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.fleet.relay import Relay
from agent.fleet.settings import read
from tests.processes.forked import Forked, call


class RelayProcess:
    """`hostvigil relay`, but that it waits less after a ledger began."""

    measured = False
    """Each has a Python of its own, for who counts its memory or its time."""

    def __init__(
        self, folder: Path, name: str, broker: str, endpoint: str, keys: Sequence[str], more: str = "", limits: str = ""
    ) -> None:
        self.config = folder / f"{name}.yaml"
        self.log = folder / f"{name}.log"
        self.state = folder / name
        self.config.write_text(
            f"relay:\n  broker: {broker}\n  state: {self.state}\n  lease: 2s\n{more}"
            f"  events: {{endpoint: '{endpoint}', api_keys: [{', '.join(keys)}], timeout: 2s{limits}}}\n"
        )
        self.on: Sequence[str] = ()
        """What is put before its command."""
        self.process: subprocess.Popen[bytes] | Forked | None = None

    def start(self, unknown_minute: float = 0.0) -> None:
        words = (str(self.config), str(unknown_minute))
        with self.log.open("ab") as log:
            if self.measured or self.on:
                command = (*self.on, sys.executable, "-m", __name__, *words)
                self.process = subprocess.Popen(command, stdout=log, stderr=log)
            else:
                self.process = Forked(words, os.environ, (0, log.fileno(), log.fileno()), __name__)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait(10)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(10)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


def hostvigil(relay: RelayProcess, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `hostvigil relay` with these words."""
    return call(("relay", "--config", str(relay.config), *words), os.environ, program=__name__)


def main(words: Sequence[str]) -> int:
    if words[0] == "relay":
        from agent.cli.main import main

        return main(list(words))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    Relay(read(Path(words[0]), os.environ)[0], float(words[1])).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
