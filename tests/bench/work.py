"""The work that all programs are given alike, what it looks at, and how its runs are counted without asking them."""

from __future__ import annotations

import http.client
import itertools
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.surroundings import certificate, counted_plugin, processes, web_server


@dataclass(frozen=True)
class Work:
    """So many checks of one kind, each due every so many seconds."""

    kind: str
    title: str
    goal: float
    """CPU of hostvigil for a run, in milliseconds."""
    count: int
    interval: int
    processes: int = 0


class Scene(NamedTuple):
    """What the checks look at, made for one measurement."""

    folder: Path
    work: Work
    runs: Callable[[], int] | None
    """How many runs there were so far; None where nothing can count them but the clock."""
    plugin: Path | None = None
    url: str = ""
    ca_file: Path | None = None

    def checks(self) -> dict[str, Any]:
        """Return the checks as hostvigil has them."""
        return {f"check-{number}": self._check(number) for number in range(self.work.count)}

    def _check(self, number: int) -> dict[str, Any]:
        if self.plugin:
            return {"type": "script", "command": [str(self.plugin)]}
        if self.work.kind == "process":
            return {"type": "process", "match": process_pattern(number)}
        check = {"type": "http", "url": self.url, "expect_status": 200, "warning": "5s", "contains": "well"}
        return check | ({"ca_file": str(self.ca_file)} if self.ca_file else {})


def process_pattern(number: int) -> str:
    """Return what fits the command line of one of the processes that sleep."""
    return rf"sleep 3600\.{number}$"


@contextmanager
def scene(folder: Path, work: Work) -> Iterator[Scene]:
    with ExitStack() as stack:
        if work.kind in ("script", "shell"):
            count = folder / "runs"
            count.touch()
            plugin = counted_plugin(folder, count, tiny=work.kind == "script")
            yield Scene(folder, work, lambda: count.stat().st_size, plugin)
        elif work.kind == "process":
            stack.enter_context(processes(work.processes))
            yield Scene(folder, work, None)
        else:
            ca_file = certificate(folder) if work.kind == "https" else None
            url = stack.enter_context(web_server(nginx(), folder, ca_file))
            ours = itertools.count(1)
            yield Scene(folder, work, lambda: connections(folder) - next(ours), url=url, ca_file=ca_file)


def nginx() -> str:
    """Return nginx's path; FileNotFoundError where it is missing."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if found is None:
        raise FileNotFoundError("the bench needs nginx (Debian package nginx-light)")
    return found


class UnixHttp(http.client.HTTPConnection):
    """By a unix socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def connections(folder: Path) -> int:
    """Return how many connections the web server has had, this one included."""
    asked = UnixHttp(str(folder / "status.sock"), timeout=5)
    asked.request("GET", "/", headers={"Host": "x"})
    said = asked.getresponse().read().decode()
    asked.close()
    found = re.search(r"\n (\d+) ", said)
    assert found, said
    return int(found[1])


def version(program: str) -> str:
    """Return the version that a program tells, empty where it tells none."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found[0] if found else ""
