"""python -m tests.soak: run an agent for long under failures, outages and reloads, and see that nothing of it grows.

Memory, threads, descriptors and files are looked at sixty times. What they are in the last tenth of the time is held
against the second tenth: the first one is the agent's start. Exit status 1 where something has grown.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from agent.testing import HttpServer, serving
from tests.agent_process import AgentProcess, agent_process
from tests.bench.cost import memory_bytes
from tests.outage import silent_servers

LOOKS = 60
RELOADS = 20


class Sample(NamedTuple):
    """What the agent holds at a moment."""

    memory: float
    """RSS in MB."""
    threads: float
    descriptors: float
    files: float
    """In its state directory."""


ROOM = Sample(1.0, 4, 25, 2)
"""How much more may be by chance: what hangs just then holds a descriptor or three."""
SHARE = 0.05
"""Of memory: Python gives little back, and asks for it in large pieces."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long [60]")
    parser.add_argument("--checks", type=int, default=300, help="how many, each due every second [300]")
    parser.add_argument("--picture", type=Path, help="draw the curves into this SVG file")
    options = parser.parse_args(arguments)
    samples = soak(options.minutes * 60, options.checks)
    for number, sample in enumerate(samples, 1):
        print(f"{number:>3} " + "  ".join(f"{name} {value:.4g}" for name, value in sample._asdict().items()))
    if options.picture:
        options.picture.write_text(picture(samples))
    grown = growth(samples)
    print("\n".join(grown) or "nothing has grown")
    return 1 if grown else 0


def soak(seconds: float, checks: int) -> list[Sample]:
    with ExitStack() as stack:
        agent = stack.enter_context(agent_process(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        server = stack.enter_context(serving({"/": (200, "well")}))
        silent = stack.enter_context(silent_servers(1))[0]
        write(agent, server, silent, checks)
        agent.start()
        agent.wait_until(lambda: agent.status()["checks"], "the first results")
        return watched(agent, server, silent, checks, seconds)


def watched(agent: AgentProcess, server: HttpServer, silent: int, checks: int, seconds: float) -> list[Sample]:
    """Look at the agent again and again. Between the looks a server fails and comes back, and checks come and go."""
    assert agent.process is not None
    began, samples = time.monotonic(), []
    for number in range(1, LOOKS + 1):
        time.sleep(max(0.0, began + seconds * number / LOOKS - time.monotonic()))
        samples.append(sample(agent.process.pid, agent.state))
        server.answers["/"] = (200, "well") if number % 4 else (500, "broken")
        if number % (LOOKS // RELOADS) == 0:
            write(agent, server, silent, checks - number // (LOOKS // RELOADS) % 2)
            agent.call("reload")
    return samples


def sample(pid: int, state: Path) -> Sample:
    count = {name: len(list(Path(f"/proc/{pid}/{name}").iterdir())) for name in ("task", "fd")}
    return Sample(memory_bytes(pid, "Rss") / 1e6, count["task"], count["fd"], len(list(state.iterdir())))


def write(agent: AgentProcess, server: HttpServer, silent: int, count: int) -> None:
    settings = {"defaults": {"interval": "1s", "timeout": "900ms"}, "checks": mixed(server.url, silent, count)}
    agent.write("soak.yaml", json.dumps(settings))  # JSON is YAML too


def mixed(url: str, silent: int, count: int) -> dict[str, Any]:
    """Of ten: four answer, two fail at once, one hangs, three look at the host."""
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


def growth(samples: Sequence[Sample]) -> list[str]:
    """Say what has grown after the first tenth; pure."""
    tenth = max(1, len(samples) // 10)
    early, late = samples[tenth : 2 * tenth], samples[-tenth:]
    grown = []
    for at, name in enumerate(Sample._fields):
        before, after = median(one[at] for one in early), median(one[at] for one in late)
        if after > before + ROOM[at] + (SHARE * before if name == "memory" else 0):
            grown.append(f"{name} has GROWN from {before:.4g} to {after:.4g}")
    return grown


def picture(samples: Sequence[Sample]) -> str:
    """Draw each curve in a strip of its own, from 0 to its most."""
    strips = []
    for at, name in enumerate(Sample._fields):
        most = max(one[at] for one in samples) or 1
        points = " ".join(
            f"{60 + 9 * number},{60 + 70 * at - 50 * one[at] / most:.1f}" for number, one in enumerate(samples)
        )
        strips.append(f'<text x="4" y="{40 + 70 * at}">{name}, up to {most:.4g}</text>')
        strips.append(f'<polyline points="{points}" fill="none" stroke="#06c"/>')
    body = "\n".join(strips)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="620" height="300" font-size="11">\n{body}\n</svg>\n'


if __name__ == "__main__":
    sys.exit(main())
