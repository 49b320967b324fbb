"""What is measured of hostvigil alone, and the bars its figures are held against."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from agent.model import Status
from tests.bench.agents import agent_with, wait_for_firsts
from tests.bench.cost import memory_bytes, tree
from tests.bench.runs import RunsSeen
from tests.bench.work import Scene, process_pattern
from tests.running.outage import hanging_checks, healthy_checks, silent_servers
from tests.running.outage import outage as outage_of

NOTED_SECONDS = 1.5
"""The recorder writes steady results down once a second."""


class Size(msgspec.Struct, frozen=True):
    """How much is measured. Times in seconds."""

    idle_checks: int
    mixed_checks: int
    interval: int
    idle_interval: int
    hanging: tuple[int, int]
    """Http checks and scripts."""
    healthy: int
    """Checks beside those."""
    settle: int
    """After the first results of all and before the span."""


FULL = Size(20, 100, 10, 30, (1000, 200), 40, 30)
QUICK = Size(4, 8, 2, 2, (20, 5), 4, 0)


class Figure(msgspec.Struct, frozen=True):
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


def mixed_checks(count: int, web: Scene, plugin: Scene) -> dict[str, Any]:
    """A quarter each."""
    checks: dict[str, Any] = {}
    for number in range(count // 4):
        checks[f"http-{number}"] = next(iter(web.checks().values()))
        checks[f"script-{number}"] = {"type": "script", "command": [str(plugin.plugin)]}
        checks[f"process-{number}"] = {"type": "process", "match": process_pattern(number)}
        checks[f"disk-{number}"] = {"type": "disk", "path": "/", "warning": None, "critical": None}
    return checks


Mixed = Callable[[int], dict[str, Any]]
"""Makes so many mixed checks."""


def idle(size: Size, mixed: Mixed) -> list[Figure]:
    checks, interval = mixed(size.idle_checks), size.idle_interval
    with tree() as counted, agent_with(checks, interval) as (agent, _):
        assert agent.process is not None
        counted.adopt(agent.process)
        wait_for_firsts(agent, checks)
        time.sleep(size.settle)
        seen = RunsSeen(agent.state)
        began, used = time.time(), counted.seconds()
        seen.watch(began + interval, interval / 4)
        ended, used = time.time(), counted.seconds() - used
        seen.watch(ended + NOTED_SECONDS, interval / 4)
    runs = seen.between(began, ended)
    bad = [run.result.summary for run in runs if run.result.status is not Status.OK]
    due = round(len(checks) * (ended - began) / interval)
    note = f"{len(runs)} runs of {due}" + (f", {len(bad)} NOT OK: {bad[0]}" if bad else "")
    what = f"{len(checks)} mixed checks, {interval} s: of one core"
    return [Figure(what, used / (ended - began) * 100, 0.05, "%", note, not bad and len(runs) > 0.9 * due)]


def start(size: Size, mixed: Mixed) -> list[Figure]:
    """How soon there are results, and memory."""
    checks = mixed(size.mixed_checks)
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
        Figure(f"{many}: first result", min(firsts.values()) - started, 0.3, "s"),
        Figure(f"{many}: all first results, with --at-once", max(firsts.values()) - started, 2, "s"),
        Figure(f"{many}: PSS", pss, 22, "MB", f"RSS {rss:.3g} MB"),
    ]


def outage(size: Size, mixed: Mixed) -> list[Figure]:
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


SCENARIOS: dict[str, Callable[[Size, Mixed], list[Figure]]] = {"start": start, "idle": idle, "outage": outage}
