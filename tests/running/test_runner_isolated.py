"""A check in a process of its own: results, memory, and its end at the deadline."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.api import Check, CheckError, Context, Metric, Result, critical, ok
from agent.config.settings import CheckConfig, Place
from agent.model import Outcome
from tests.running.runs import Bench


class Isolated(Check):
    """A type that can do anything: its process is killed with all that it did."""

    isolation = "process"
    do: str = "yield ok('fine')"

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        names = {"ctx": ctx, "ok": ok, "critical": critical, "CheckError": CheckError, "os": os, "time": time}
        exec("def body():\n    " + self.do.replace("\n", "\n    "), names)  # noqa: S102 - the tests' own texts
        yield from names["body"]()  # type: ignore[operator]


def isolated(bench: Bench, do: str, timeout: float = 20.0) -> Outcome:
    config = CheckConfig("web", "isolated", Isolated(do=do), Place("x.yaml"), timeout=timeout)
    bench.runner.start(config, time.monotonic())
    return bench.outcomes.get(timeout=30)


def test_a_check_in_its_own_process_gives_results_and_remembers() -> None:
    bench = Bench()
    do = "ctx.memory['runs'] = ctx.memory.get('runs', 0) + 1\nyield critical(str(ctx.memory['runs']), '/', 'more')"
    first, second = isolated(bench, do), isolated(bench, do)
    assert first.results == (critical("1", "/", "more"),)
    assert (second.results[0].summary, second.memory) == ("2", {"runs": 2})


@pytest.mark.parametrize(
    ("do", "said"),
    [
        ("raise CheckError('no such device')\nyield", "no such device"),
        ("1 / 0\nyield", "ZeroDivisionError"),
        ("os._exit(7)\nyield", "its process ended without an answer"),
        ("os.kill(os.getpid(), 11)\nyield", "SIGSEGV"),
        ("print('noise')\nos.write(1, b'noise')\nyield ok('quiet')", "quiet"),
    ],
)
def test_whatever_a_check_does_in_its_own_process_is_one_outcome(do: str, said: str) -> None:
    assert said in isolated(Bench(), do).results[0].summary


def test_a_check_in_its_own_process_is_killed_at_its_deadline_with_all_that_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    do = f"os.system('sleep 300 & echo $! > {pid}')\nwhile True:\n    pass\nyield"
    bench = Bench()
    outcome = isolated(bench, do, timeout=3.0)
    assert "its process was killed" in outcome.results[0].summary
    assert outcome.duration < 3.9
    with pytest.raises(ProcessLookupError):
        for _ in range(200):
            os.kill(int(pid.read_text()), 0)
            time.sleep(0.01)


def test_the_memory_of_the_agent_does_not_grow_by_a_leak_in_an_isolated_check() -> None:
    bench = Bench()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    isolated(bench, "ctx.hog = bytearray(200_000_000)\nyield ok('leaked')")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
