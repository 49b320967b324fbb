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


class RelayProcess:
    """`hostvigil relay`, but that it waits less after a ledger began."""

    def __init__(
        self, folder: Path, name: str, broker: str, endpoint: str, keys: Sequence[str], more: str = "", limits: str = ""
    ) -> None:
        self.config = folder / f"{name}.yaml"
        self.log = folder / f"{name}.log"
        self.config.write_text(
            f"relay:\n  broker: {broker}\n  state: {folder}/{name}\n  lease: 2s\n{more}"
            f"  events: {{endpoint: '{endpoint}', api_keys: [{', '.join(keys)}], timeout: 2s{limits}}}\n"
        )
        self.on: Sequence[str] = ()
        """What is put before its command."""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, unknown_minute: float = 0.0) -> None:
        command = (*self.on, sys.executable, "-m", "tests.fleet.relay_process", str(self.config), str(unknown_minute))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

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


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    Relay(read(Path(sys.argv[1]), os.environ)[0], float(sys.argv[2])).run()
