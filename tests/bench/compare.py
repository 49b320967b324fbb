"""The same work by each program in turn (A B A B), and what a run cost."""

from __future__ import annotations

import datetime
import itertools
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec

from agent.model import Status
from agent.store import Store
from tests.bench.agents import agent_with, wait_for_firsts
from tests.bench.cost import Tree, busy_seconds, spin_seconds, tree
from tests.bench.peers import Peer, peers
from tests.bench.work import Scene, Work, scene

OURS = "hostvigil"


class Measured(msgspec.Struct, frozen=True):
    """What one program cost in one round."""

    cpu: float
    """CPU seconds of all its processes."""
    runs: int
    seconds: float
    others: float
    """CPU seconds of all other processes of the machine, meanwhile."""
    spin: float
    """CPU milliseconds of a piece of work that is always the same, just before."""
    bad: str = ""
    """What hostvigil said that was not ok: then the figure is not what was to be measured."""

    @property
    def cost(self) -> float:
        """CPU of a run in milliseconds."""
        return self.cpu / max(1, self.runs) * 1000


class Line(msgspec.Struct, frozen=True):
    """One program's figures for one work, in milliseconds a run."""

    work: str
    program: str
    version: str
    cost: float
    """The median of the rounds."""
    least: float
    most: float
    ratio: float | None
    """Of hostvigil's cost to this one's."""
    goal: float | None
    runs: int
    due: int
    bad: str = ""

    @property
    def sound(self) -> bool:
        """All that was due happened and was ok; runs near the ends of a span may fall on either side of it."""
        return not self.bad and self.runs > 0.9 * self.due


class Machine(msgspec.Struct, frozen=True):
    """Where and when, and how far the figures can be trusted."""

    date: str
    system: str
    processor: str
    cores: int
    python: str
    noise: float
    """By how much the work that is always the same varied: (most - least) / median."""
    others: float
    """Cores that other processes kept busy, on average."""

    @property
    def text(self) -> str:
        where = f"{self.cores} cores of {self.processor}, {self.system}, Python {self.python}"
        return (
            f"Measured on {self.date}: {where}. A piece of work that is always the same varied by {self.noise:.0%} "
            f"meanwhile, and other processes kept {self.others:.1f} cores busy."
        )


def compared(work: Work, rounds: int, span: float, say: Callable[[str], None]) -> Iterator[tuple[Line, list[Measured]]]:
    """Measure all programs that can do this work, in turn, so many times."""
    able = [None, *(peer for peer in peers() if work.kind in peer.kinds)]
    found: list[list[Measured]] = [[] for _ in able]
    for number, (at, peer) in itertools.product(range(rounds), enumerate(able)):
        found[at].append(measured(work, peer, span))
        say(f"{work.title}, round {number + 1}: {name(peer)} {found[at][-1].cost:.3g} ms")
    ours = median(one.cost for one in found[0])
    for peer, figures in zip(able, found, strict=True):
        yield line(work, peer, figures, ours), figures


def name(peer: Peer | None) -> str:
    return peer.name if peer else OURS


def line(work: Work, peer: Peer | None, figures: Sequence[Measured], ours: float) -> Line:
    """Put the rounds of one program together; pure."""
    costs = [one.cost for one in figures]
    seconds = sum(one.seconds for one in figures)
    return Line(
        work.title,
        name(peer),
        peer.version if peer else "",
        median(costs),
        min(costs),
        max(costs),
        ours / median(costs) if peer and median(costs) else None,
        None if peer else work.goal,
        sum(one.runs for one in figures),
        round(seconds * work.count / work.interval),
        next((one.bad for one in figures if one.bad), ""),
    )


def measured(work: Work, peer: Peer | None, span: float) -> Measured:
    """Measure one program; None is hostvigil."""
    with tempfile.TemporaryDirectory() as folder, scene(Path(folder), work) as made, tree() as counted:
        spin = spin_seconds() * 1000
        if peer is None:
            with hostvigil(made, counted) as state:
                return Measured(*_span(made, counted, span), spin, not_ok(state))
        with peer.working(made, counted):
            _settle(made)
            return Measured(*_span(made, counted, span), spin)


@contextmanager
def hostvigil(made: Scene, counted: Tree) -> Iterator[Path]:
    """Have hostvigil at the work, all of it begun; yields its state directory."""
    checks = made.checks()
    with agent_with(checks, made.work.interval) as (agent, _):
        assert agent.process is not None
        counted.adopt(agent.process)
        wait_for_firsts(agent, checks)
        # The crowd of the start is over once each has had its own turn, and once the history was begun: all series of
        # metrics are made in its file ten seconds after the start, and never again.
        time.sleep(made.work.interval * 1.2)
        yield agent.state


def _settle(made: Scene) -> None:
    """Wait until all of the work was done once; what never does it is told as not sound."""
    until = time.monotonic() + 30 + 3 * made.work.interval
    begun = made.runs() if made.runs else 0
    while made.runs and made.runs() - begun < made.work.count and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(made.work.interval / 2)


def _span(made: Scene, counted: Tree, span: float) -> tuple[float, int, float, float]:
    """Return CPU of the program, runs, seconds, and CPU of all others."""
    runs = made.runs() if made.runs else 0
    began, cpu, busy = time.monotonic(), counted.seconds(), busy_seconds()
    time.sleep(span)
    seconds, cpu, busy = time.monotonic() - began, counted.seconds() - cpu, busy_seconds() - busy
    due = round(made.work.count * seconds / made.work.interval)
    return cpu, made.runs() - runs if made.runs else due, seconds, max(0.0, busy - cpu)


def not_ok(state: Path) -> str:
    """Return what a check said last that was not ok, empty where all are."""
    store = Store.read(state)
    said = [run.result.summary for run in store.last_runs() if run.result.status is not Status.OK]
    store.close()
    return said[0] if said else ""


def machine(figures: Sequence[Measured]) -> Machine:
    spins = [one.spin for one in figures]
    seconds = sum(one.seconds for one in figures)
    return Machine(
        datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        f"{platform.system()} {platform.release().partition('-')[0]}",
        _processor(),
        os.cpu_count() or 0,
        platform.python_version(),
        (max(spins) - min(spins)) / median(spins),
        sum(one.others for one in figures) / seconds,
    )


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((row.partition(":")[2].strip() for row in lines if row.startswith("model name")), platform.machine())
