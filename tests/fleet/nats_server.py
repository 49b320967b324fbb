"""A real nats-server on loopback, with JetStream, which a test may kill, and whose disk it may take away."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.host import needs


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NatsServer:
    """One server; `more` is added to its configuration, `on` is put before its command."""

    def __init__(self, folder: Path, more: str = "", host: str = "127.0.0.1", on: Sequence[str] = ()) -> None:
        self._command = (*on, needs.command("nats-server", "nats-server"))
        self.host = host
        self.folder = folder / "nats"
        self.folder.mkdir()
        self.port = free_port()
        self.url = f"nats://{host}:{self.port}"
        self.config = self.folder / "nats-server.conf"
        self.config.write_text(
            f'listen: "{host}:{self.port}"\njetstream {{ store_dir: "{self.folder}/data" }}\n{more}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> NatsServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*self._command, "-c", str(self.config)], stdout=log, stderr=log)
        until = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < until and self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def pause(self, seconds: float) -> None:
        """Answer nothing for a time, as behind a network that is cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            self._process.send_signal(signal.SIGCONT)

    def forget_all(self) -> None:
        """Come back with an empty disk."""
        self.kill()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.start()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                return connection.recv(5) == b"INFO "
        except OSError:
            return False


class NatsCluster:
    """Three servers that keep each change on all of them; `pick` is the one that the next kill is about."""

    def __init__(
        self, folder: Path, hosts: Sequence[str] = ("127.0.0.1",) * 3, on: Sequence[Sequence[str]] = ((),) * 3
    ) -> None:
        ports = [free_port() for _ in range(3)]
        routes = ", ".join(f"nats://{host}:{port}" for host, port in zip(hosts, ports, strict=True))
        self.servers: list[NatsServer] = []
        for number, port in enumerate(ports):
            own = folder / f"node-{number}"
            own.mkdir()
            cluster = f'name: fleet\n  listen: "{hosts[number]}:{port}"\n  routes: [ {routes} ]'
            more = f"server_name: node-{number}\ncluster {{\n  {cluster}\n}}"
            self.servers.append(NatsServer(own, more, hosts[number], on[number]))
        self.url = ",".join(server.url for server in self.servers)
        self._turn = 0

    def __enter__(self) -> NatsCluster:
        for server in self.servers:
            server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for server in self.servers:
            server.kill()

    def kill(self) -> None:
        """Kill one, each time another one; the last one killed is there again by then."""
        self._turn += 1
        self.servers[self._turn % 3].kill()

    def start(self) -> None:
        self.servers[self._turn % 3].start()

    def pause(self, seconds: float) -> None:
        self._turn += 1
        self.servers[self._turn % 3].pause(seconds)
