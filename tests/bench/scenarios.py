"""What is measured: an agent each, with its checks, and the bars its figures are held against."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agent.model import Status
from tests.agent_process import AgentProcess, agent_process
from tests.bench.cost import cpu_seconds, memory_bytes
from tests.bench.runs import RunsSeen
from tests.outage import hanging_checks, healthy_checks, silent_servers
from tests.outage import outage as outage_of

NOTED_SECONDS = 1.5
"""The recorder writes steady results down once a second."""


class Size(NamedTuple):
    """How much is measured. Times in seconds."""

    scripts: int
    https: int
    process_checks: int
    processes: int
    idle_checks: int
    mixed_checks: int
    interval: int
    idle_interval: int
    span: int
    """Whole intervals, at least one."""
    hanging: tuple[int, int]
    """Http checks and scripts."""
    healthy: int
    """Checks beside those."""
    settle: int
    """After the first results of all and before the span."""


FULL = Size(500, 300, 50, 500, 20, 100, 10, 60, 20, (1000, 200), 40, 2)
QUICK = Size(5, 5, 5, 10, 4, 8, 2, 2, 2, (20, 5), 4, 0)


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    figure: float
    bar: float
    unit: str
    note: str = ""
    sound: bool = True
    """All runs that were due happened and were ok."""

    @property
    def met(self) -> bool:
        return self.sound and self.figure <= self.bar


class World(NamedTuple):
    """What the checks look at."""

    url: str
    shell: Path
    tiny: Path | None
    """None where it cannot be made."""


class Cost(NamedTuple):
    """What an agent took over a span."""

    own: float
    """CPU seconds of the agent itself."""
    children: float
    """CPU seconds of the programs it ran."""
    span: float
    """Seconds."""
    runs: int
    bad: tuple[str, ...]
    """What runs said that were not ok; there should be none, a failing check may cost less."""
    due: int

    @property
    def sound(self) -> bool:
        """Runs near the ends of the span may fall on either side of it."""
        return not self.bad and self.runs > 0.95 * self.due

    @property
    def cpu(self) -> float:
        return self.own + self.children

    @property
    def note(self) -> str:
        programs = f", the programs' own part {self.children / self.cpu:.0%}" if self.children else ""
        said = f", {len(self.bad)} NOT OK: {self.bad[0]}" if self.bad else ""
        return f"{self.runs} runs of {self.due}{programs}{said}"


def script_checks(count: int, world: World) -> dict[str, Any]:
    return {f"script-{n}": {"type": "script", "command": [str(world.tiny or world.shell)]} for n in range(count)}


def shell_checks(count: int, world: World) -> dict[str, Any]:
    return {f"script-{n}": {"type": "script", "command": [str(world.shell)]} for n in range(count)}


def http_checks(count: int, world: World) -> dict[str, Any]:
    return {
        f"http-{n}": {"type": "http", "url": world.url, "expect_status": 200, "warning": "5s", "contains": "well"}
        for n in range(count)
    }


def process_checks(count: int, world: World) -> dict[str, Any]:
    return {f"process-{n}": {"type": "process", "match": rf"sleep 3600\.{n}$"} for n in range(count)}


def disk_checks(count: int, world: World) -> dict[str, Any]:
    return {f"disk-{n}": {"type": "disk", "path": "/", "warning": None, "critical": None} for n in range(count)}


def mixed_checks(count: int, world: World) -> dict[str, Any]:
    """A quarter each."""
    kinds = (script_checks, http_checks, process_checks, disk_checks)
    return {name: check for kind in kinds for name, check in kind(count // len(kinds), world).items()}


Kind = Callable[[int, World], dict[str, Any]]


@contextmanager
def agent_with(checks: dict[str, Any], interval: int) -> Iterator[tuple[AgentProcess, float]]:
    """Start an agent on these checks; yields it and the wall clock of its start, in seconds."""
    # An installed agent has its byte code, whatever the environment of the bench says.
    environ = {"PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryDirectory() as folder, agent_process(Path(folder), environ) as agent:
        defaults = {"interval": f"{interval}s", "timeout": f"{min(10_000, interval * 900)}ms"}
        drop_in = {"defaults": defaults, "checks": checks}
        agent.write("bench.yaml", msgspec.json.encode(drop_in).decode())  # JSON is YAML too
        started = time.time()
        agent.start()
        yield agent, started


def wait_for_firsts(agent: AgentProcess, checks: dict[str, Any]) -> dict[str, float]:
    """Wait until every check has given a result; returns when each did, wall clock in seconds."""
    seen = RunsSeen(agent.state)

    def all_there() -> bool:
        seen.look()
        return len(seen.firsts().keys() & checks.keys()) == len(checks)

    agent.wait_until(all_there, "a result of every check", 60)
    return seen.firsts()


def cost_of(kind: Kind, count: int, interval: int, size: Size, world: World) -> Cost:
    """Measure one kind of checks over whole turns, after the crowd of the start is over."""
    checks = kind(count, world)
    with agent_with(checks, interval) as (agent, _):
        wait_for_firsts(agent, checks)
        time.sleep(size.settle)
        assert agent.process is not None
        seen = RunsSeen(agent.state)
        begin, (own, children) = time.time(), cpu_seconds(agent.process.pid)
        seen.watch(begin + max(interval, size.span), interval / 4)
        end, (own_then, children_then) = time.time(), cpu_seconds(agent.process.pid)
        seen.watch(end + NOTED_SECONDS, interval / 4)
    runs = seen.between(begin, end)
    bad = tuple(run.result.summary for run in runs if run.result.status is not Status.OK)
    due = round(count * (end - begin) / interval)
    return Cost(own_then - own, children_then - children, end - begin, len(runs), bad, due)


def per_check(kind: Kind, count: int, bar: float, what: str, size: Size, world: World) -> list[Figure]:
    cost = cost_of(kind, count, size.interval, size, world)
    title = f"{count} {what}, {size.interval} s: CPU a check"
    return [Figure(title, cost.cpu / max(1, cost.runs) * 1000, bar, "ms", cost.note, cost.sound)]


def script(size: Size, world: World) -> list[Figure]:
    """The bar was set for a tiny plugin; what a shell costs by itself is nearly as much again."""
    tiny = "tiny program" if world.tiny else "a shell, for want of a C compiler"
    return [
        *per_check(script_checks, size.scripts, 1.5, f"script checks ({tiny})", size, world),
        *per_check(shell_checks, size.scripts, 1.5, "script checks (a shell)", size, world),
    ]


def http(size: Size, world: World) -> list[Figure]:
    return per_check(http_checks, size.https, 1.2, "http checks", size, world)


def process(size: Size, world: World) -> list[Figure]:
    what = f"process checks, {size.processes} processes"
    return per_check(process_checks, size.process_checks, 0.6, what, size, world)


def idle(size: Size, world: World) -> list[Figure]:
    cost = cost_of(mixed_checks, size.idle_checks, size.idle_interval, size, world)
    what = f"{size.idle_checks} mixed checks, {size.idle_interval} s: of one core"
    return [Figure(what, cost.cpu / cost.span * 100, 0.2, "%", cost.note, cost.sound)]


def start(size: Size, world: World) -> list[Figure]:
    """How soon there are results, and memory."""
    checks = mixed_checks(size.mixed_checks, world)
    with agent_with(checks, size.interval) as (agent, _):
        wait_for_firsts(agent, checks)  # by now the byte code is written
    with agent_with(checks, size.interval) as (agent, started):
        firsts = wait_for_firsts(agent, checks)
        time.sleep(size.interval)  # until each check has run a second time
        assert agent.process is not None
        # What other Pythons on this machine share with the agent lowers its PSS: alone it has up to its RSS.
        pss, rss = (memory_bytes(agent.process.pid, kind) / 1e6 for kind in ("Pss", "Rss"))
    many = f"{len(checks)} mixed checks"
    return [
        Figure(f"{many}: first result", min(firsts.values()) - started, 1, "s"),
        Figure(f"{many}: all first results, with --at-once", max(firsts.values()) - started, 2, "s"),
        Figure(f"{many}: PSS", pss, 36, "MB", f"RSS {rss:.3g} MB"),
    ]


def outage(size: Size, world: World) -> list[Figure]:
    """Checks that hang, and what becomes of healthy ones beside them."""
    interval = 3 * size.interval
    with silent_servers(4) as ports:
        hanging = hanging_checks(*size.hanging, ports, interval, size.interval)
        seen = outage_of(healthy_checks(size.healthy, 1.0), hanging, before=3.0, seconds=2.0 * interval)
    what = f"{size.hanging[0]} http and {size.hanging[1]} script checks hang"
    missing = len(hanging) - len(seen.hanging)
    note = f"{len(seen.gaps)} gaps of {size.healthy} 1 s checks" + (f", {missing} NOT TOLD" if missing else "")
    note += f", {len(seen.false_alarms)} NOT OK: {seen.false_alarms[0]}" if seen.false_alarms else ""
    late = max(outcome.duration - size.interval for outcomes in seen.hanging.values() for outcome in outcomes)
    return [
        Figure(f"{what}: others' gap, p99", seen.gap_p99, 1.25, "s", note, not missing and not seen.false_alarms),
        Figure(f"{what}: told late by", max(0.0, late), 1, "s"),
        Figure(f"{what}: threads more", seen.threads, 20, ""),
    ]


SCENARIOS: dict[str, Callable[[Size, World], list[Figure]]] = {
    "start": start,
    "script": script,
    "http": http,
    "process": process,
    "idle": idle,
    "outage": outage,
}
