"""An outage of the network beside a healthy host: checks that hang, and what becomes of the others meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from agent.api import Check, Status
from agent.config.diff import Difference
from agent.config.settings import CheckConfig, Place
from agent.model import Outcome
from agent.running.runner import Runner
from agent.running.schedule import Schedule
from checks.http.addresses import HttpUrl
from checks.http.check import Http
from checks.load import Load
from tests.checks.looks import script_of


class Seen(NamedTuple):
    """What a span of the outage showed."""

    gaps: list[float]
    """Seconds between two results of a healthy check, sorted."""
    false_alarms: list[str]
    """What healthy checks said that was not ok."""
    hanging: dict[str, list[Outcome]]
    """What the hanging checks said."""
    threads: int
    """How many more there were at most than without the hanging checks."""

    @property
    def gap_p99(self) -> float:
        return self.gaps[int(len(self.gaps) * 0.99)]


@contextmanager
def silent_servers(count: int) -> Iterator[list[int]]:
    """Listen on ports whose connections the kernel accepts, and nobody answers."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4096)) for _ in range(count)]
        yield [listener.getsockname()[1] for listener in listeners]


def config(name: str, check: Check, interval: float, timeout: float) -> CheckConfig:
    return CheckConfig(name, type(check).__name__.lower(), check, Place("x.yaml"), interval=interval, timeout=timeout)


def healthy_checks(count: int, interval: float) -> list[CheckConfig]:
    """Checks that are ok at once: a half run programs, a half look into /proc."""
    checks: list[Check] = [script_of("/bin/true", empty="ok"), Load(load15_warning=None, load15_critical=None)]
    return [config(f"well-{n}", checks[n % 2], interval, interval * 0.9) for n in range(count)]


def hanging_checks(
    https: int, scripts: int, ports: Sequence[int], interval: float, timeout: float
) -> list[CheckConfig]:
    asked = [Http(url=HttpUrl.parse(f"http://127.0.0.1:{ports[n % len(ports)]}/{n}")) for n in range(https)]
    asleep = script_of("/bin/sleep", "1000")
    return [
        *(config(f"silent-{n}", check, interval, timeout) for n, check in enumerate(asked)),
        *(config(f"asleep-{n}", asleep, interval, timeout) for n in range(scripts)),
    ]


class Outage:
    """Runs checks as the agent does, and keeps what they say and when."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[float, Outcome]] = []
        self.runner = Runner(lambda outcome: self.outcomes.append((time.monotonic(), outcome)))
        self.schedule = Schedule()

    def watch(self, seconds: float) -> int:
        """Let it run; returns the most threads there were."""
        until, most = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            most = max(most, threading.active_count())
            time.sleep(0.05)
        return most

    def stop(self) -> None:
        self.schedule.stop()
        self.runner.stop()


def outage(healthy: Sequence[CheckConfig], hanging: Sequence[CheckConfig], before: float, seconds: float) -> Seen:
    """Run healthy checks for a while, then hanging ones as well; all due at once, as after a start."""
    run = Outage()
    try:
        run.schedule.begin(run.runner.start, healthy, at_once=True)
        usual = run.watch(before)
        run.schedule.update(Difference({one.name: one for one in hanging}, {}, frozenset()))
        begun = time.monotonic()
        most = run.watch(seconds)
    finally:
        run.stop()
    return seen(run.outcomes, {one.name for one in healthy}, begun, most - usual)


def seen(outcomes: Sequence[tuple[float, Outcome]], healthy: set[str], begun: float, threads: int) -> Seen:
    told: dict[str, list[tuple[float, Outcome]]] = defaultdict(list)
    for at, outcome in outcomes:
        told[outcome.check].append((at, outcome))
    gaps = [
        later - sooner
        for name in healthy
        for (sooner, _), (later, _) in zip(told[name], told[name][1:], strict=False)
        if later > begun
    ]
    bad = [
        f"{name}: {result.summary}"
        for name in healthy
        for _, outcome in told[name]
        for result in outcome.results
        if result.status is not Status.OK
    ]
    hanging = {name: [outcome for _, outcome in said] for name, said in told.items() if name not in healthy}
    return Seen(sorted(gaps), bad, hanging, threads)
