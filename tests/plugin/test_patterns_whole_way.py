"""A real agent whose every kind of pattern meets a text made for it: its own run is lost, and nothing else."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes.agent_process import AgentProcess, agent_process

BAD = r"(\w+\s?)+failed"
TEXT = "user bob connected to the database server and everything went well today"
"""Python's `re` needs years for this; `regex` sees at once that `failed` is not there."""
WORSE = r"(a|aa)+$"
LONG = "a" * 3000 + "!"
ANSWER = f"HTTP/1.1 200 OK\r\nX-A: {LONG}\r\nContent-Length: {len(LONG)}\r\n\r\n{LONG}"

CONFIG = r"""
agent: {{hostname: web-1}}
checks:
  flag: {{type: file, path: {folder}/flag, expect: absent, interval: 1s, timeout: 800ms}}
  log: {{type: log, path: {folder}/app.log, pattern: '{worse}', interval: 1s, timeout: 900ms}}
  body: {{type: http, url: "http://127.0.0.1:{port}", matches: '{worse}', interval: 1s, timeout: 900ms}}
  header:
    {{type: http, url: "http://127.0.0.1:{port}", response_headers: {{X-A: '{worse}'}}, interval: 1s, timeout: 900ms}}
  banner: {{type: tcp, host: 127.0.0.1, port: {port}, expect: '{worse}', interval: 1s, timeout: 900ms}}
  arguments: {{type: process, match: '{worse}', interval: 1s, timeout: 900ms}}
  own: {{type: own, pattern: '{worse}', text: {long}, interval: 1s, timeout: 900ms}}
  decided: {{type: own, pattern: '{bad}', text: '{text}', interval: 1s, timeout: 900ms}}
"""

OWN = '''
from agent.api import Check, Regex, critical, ok

class Own(Check, frozen=True, kw_only=True):
    """Searches a text."""

    pattern: Regex
    text: str

    def run(self, ctx):
        yield critical("found") if self.pattern.search(self.text) else ok("not found")
'''


@contextmanager
def talker(said: bytes) -> Iterator[int]:
    """A server that says this to everybody and keeps the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_connections = []

        def work() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    connection.sendall(said)
                except OSError:
                    return
                open_connections.append(connection)

        threading.Thread(target=work, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in open_connections:
            connection.close()


@contextmanager
def process_with(argument: str) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", argument], stdin=-1) as process:
        yield
        process.kill()


def statuses(agent: AgentProcess) -> dict[str, str]:
    return {row["check"]: row["status"] for row in agent.status()["checks"]}


def written(folder: Path, port: int) -> None:
    (folder / "conf.d").mkdir()
    (folder / "checks.d").mkdir()
    (folder / "checks.d" / "own.py").write_text(OWN)
    (folder / "app.log").write_text("begin\n")
    config = CONFIG.format(folder=folder, port=port, worse=WORSE, long=LONG, bad=BAD, text=TEXT)
    (folder / "conf.d" / "bad.yaml").write_text(config)


def test_no_pattern_on_no_text_holds_up_the_agent(tmp_path: Path) -> None:
    with talker(ANSWER.encode()) as port, process_with(LONG):
        written(tmp_path, port)
        with agent_process(tmp_path) as agent:
            agent.start()
            agent.wait_until(lambda: statuses(agent).get("log") == "ok", "the log is followed", 30)
            with (tmp_path / "app.log").open("a") as log:
                log.write(LONG + "\n")
            bad = {"body", "header", "banner", "arguments", "own"}
            agent.wait_until(
                lambda: bad == {name for name, is_ in statuses(agent).items() if is_ == "nodata"}, "nodata", 30
            )
            agent.wait_until(lambda: "passed over a line" in agent.output(), "the log goes on behind the line")
            assert statuses(agent)["decided"] == "ok"
            assert statuses(agent)["flag"] == "ok"
            (tmp_path / "flag").touch()
            agent.wait_until(lambda: statuses(agent)["flag"] == "critical", "the flag is told")
            assert agent.stop() == 0
