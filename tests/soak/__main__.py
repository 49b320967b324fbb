"""python -m tests.soak: run an agent for long under failures, outages and reloads, and see that nothing of it grows.

Memory, threads, descriptors and files are looked at sixty times. What they are in the last tenth of the time is held
against the second tenth: the first one is the agent's start. Exit status 1 where something has grown.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from agent.store import Store, StoreError
from agent.testing import HttpServer, serving
from tests.bench.cost import memory_bytes
from tests.processes.agent_process import AgentProcess, agent_process
from tests.running.outage import silent_servers
from tests.soak.picture import picture
from tests.soak.samples import Sample, growth

LOOKS = 60
RELOADS = 20
COUNT_SECONDS = 0.4
"""How often it is looked which checks have run: each is due every second."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long [60]")
    parser.add_argument("--checks", type=int, default=350, help="how many, most of them due every second [350]")
    parser.add_argument("--picture", type=Path, help="draw the curves into this SVG file")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("needs root's rights: an agent shows its memory and descriptors to no other user")
    with soaked(options.checks) as soak:
        outages = [soak.step(number, options.minutes * 60) for number in range(1, LOOKS + 1)]
    said = (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}: {options.minutes:g} minutes, {options.checks} checks, "
        f"{soak.runs.count:,} runs, {RELOADS} reloads, {begun(outages)} outages"
    )
    print(said)
    if options.picture:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        options.picture.write_text(picture(soak.samples, said, options.minutes, outages))
    grown = growth(soak.samples)
    print("\n".join(grown) or "nothing has grown")
    return 1 if grown else 0


def begun(outages: Sequence[bool]) -> int:
    """Count outages, of which one may last over several looks."""
    return sum(now and not before for before, now in pairwise([False, *outages]))


class Runs:
    """Counts runs by what the store says of each check's last one: no fewer than these have happened."""

    def __init__(self, state: Path) -> None:
        self.count = 0
        self._state = state
        self._last: dict[str, int] = {}

    def look(self) -> None:
        try:
            store = Store.read(self._state)
            last = {run.check: run.at for run in store.last_runs()}
        except StoreError:
            return  # the agent has not made it yet
        store.close()
        self.count += sum(at != self._last.get(check) for check, at in last.items())
        self._last = last


class Servers(NamedTuple):
    """What the checks look at, and where changes are told."""

    web: HttpServer
    hook: HttpServer
    silent: int
    """A port that accepts and never answers."""


class Soak:
    """One agent at work, and what is done to it."""

    def __init__(self, agent: AgentProcess, servers: Servers, checks: int) -> None:
        self.samples: list[Sample] = []
        self.runs = Runs(agent.state)
        self._agent, self._servers, self._checks = agent, servers, checks
        write(agent, servers, checks)
        agent.start()
        agent.wait_until(lambda: agent.status()["checks"], "the first results")
        self._began = time.monotonic()

    def step(self, number: int, seconds: float) -> bool:
        """Wait for the next look, and look. Then servers fail or come back, and checks come and go.

        Return whether there was an outage.
        """
        web, hook = self._servers.web, self._servers.hook
        outage = web.answers["/"][0] != 200 or hook.answers["/"][0] != 200
        self._wait(self._began + seconds * number / LOOKS)
        assert self._agent.process is not None
        self.samples.append(sample(self._agent.process.pid, self._agent.state))
        words = "  ".join(f"{name} {value:.4g}" for name, value in self.samples[-1]._asdict().items())
        print(f"{number:>3} {words}  runs {self.runs.count}", flush=True)
        web.answers["/"] = (500, "broken") if number % 4 == 0 else (200, "well")
        hook.answers["/"] = (500, "broken") if number % 6 in (2, 3) else (200, "taken")
        web.requests.clear()
        hook.requests.clear()
        if number % (LOOKS // RELOADS) == 0:
            write(self._agent, self._servers, self._checks - number // (LOOKS // RELOADS) % 2)
            self._agent.call("reload")
        return outage

    def _wait(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(COUNT_SECONDS, left))
            self.runs.look()


@contextmanager
def soaked(checks: int) -> Iterator[Soak]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        agent = stack.enter_context(agent_process(folder, measured=True))
        web = stack.enter_context(serving({"/": (200, "well")}))
        hook = stack.enter_context(serving({"/": (200, "taken")}))
        silent = stack.enter_context(silent_servers(1))[0]
        yield Soak(agent, Servers(web, hook, silent), checks)


def sample(pid: int, state: Path) -> Sample:
    count = {name: len(list(Path(f"/proc/{pid}/{name}").iterdir())) for name in ("task", "fd")}
    return Sample(memory_bytes(pid, "Rss") / 1e6, count["task"], count["fd"], len(list(state.iterdir())))


def write(agent: AgentProcess, servers: Servers, count: int) -> None:
    settings = {
        "agent": {"destinations": {"hook": {"type": "webhook", "url": f"{servers.hook.url}/"}}},
        "defaults": {"interval": "1s", "timeout": "900ms"},
        "checks": mixed(servers.web.url, servers.silent, count),
    }
    agent.write("soak.yaml", json.dumps(settings))  # JSON is YAML too


def mixed(url: str, silent: int, count: int) -> dict[str, Any]:
    """Of ten: four answer, two fail at once, two hang, two look at the host."""
    kinds: list[dict[str, Any]] = [
        {"type": "http", "url": f"{url}/"},
        {"type": "script", "command": ["/bin/true"], "empty": "ok"},
        {"type": "script", "command": ["/bin/sh", "-c", "echo fine"]},
        {"type": "tcp", "address": url.removeprefix("http://")},
        {"type": "http", "url": "http://127.0.0.1:9/"},
        {"type": "script", "command": ["/bin/false"]},
        {"type": "http", "url": f"http://127.0.0.1:{silent}/", "interval": "5s", "timeout": "4s"},
        {"type": "load"},
        {"type": "disk", "path": "/"},
        {"type": "script", "command": ["/bin/sleep", "60"], "interval": "5s", "timeout": "4s"},
    ]
    return {f"check-{number}": kinds[number % len(kinds)] for number in range(count)}


if __name__ == "__main__":
    sys.exit(main())
