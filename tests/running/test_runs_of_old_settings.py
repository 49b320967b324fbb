"""A run that a reload overtakes: of settings that are no more it says nothing, and the check is run as it is now."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest

from agent.api import Check, Context, Result, critical, ok
from agent.config.settings import CheckConfig, Config, Place
from agent.model import Outcome
from agent.running.runner import Runner
from tests.running.runs import wait_until


class Slow(Check):
    """Waits until the test lets it go on, and is bad unless its settings are good."""

    good: bool = False
    gate: Any = None

    def run(self, ctx: Context) -> Iterator[Result]:
        if not self.good:
            self.gate.begun.set()
            assert self.gate.go_on.wait(10)
            ctx.memory["seen"] = True
        yield ok(f"good, remembers {ctx.memory}") if self.good else critical("bad")


class Gate:
    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()


def configurations(gate: Gate) -> dict[str, CheckConfig | None]:
    old = CheckConfig("web", "slow", Slow(gate=gate), Place("a.yaml"), interval=60.0)
    good = msgspec.structs.replace(old, check=Slow(good=True))
    return {
        "as it was": old,
        "later": msgspec.structs.replace(old, interval=120.0, timeout=9.0),
        "good": good,
        "another type": msgspec.structs.replace(good, type="other"),
        "off": msgspec.structs.replace(old, enabled=False),
        "gone": None,
    }


ANEW = "good, remembers {}"


@pytest.mark.parametrize(
    ("reloads", "told"),
    [
        (["as it was"], ["bad"]),
        (["later"], ["bad"]),
        (["good"], [ANEW]),
        (["another type"], [ANEW]),
        (["gone"], []),
        (["off"], []),
        (["gone", "good"], [ANEW]),
        (["good", "gone"], []),
        (["good", "off"], []),
        (["good", "later"], ["bad"]),  # of a run that begins then, for the settings are as they were
    ],
    ids=lambda words: ", ".join(words),
)
def test_what_a_run_saw_is_told_only_of_settings_that_are_still_in_force(reloads: list[str], told: list[str]) -> None:
    gate, outcomes = Gate(), queue.SimpleQueue[Outcome]()
    runner, all_of_them = Runner(outcomes.put), configurations(gate)
    before = Config(checks={"web": cast(CheckConfig, all_of_them["as it was"])})
    runner.start(before.checks["web"], time.monotonic())
    assert gate.begun.wait(10)
    for words in reloads:
        config = all_of_them[words]
        after = Config(checks={"web": config} if config else {})
        runner.apply(before, after)
        before = after
    gate.go_on.set()
    assert [outcomes.get(timeout=10).results[0].summary for _ in told] == told
    wait_until(lambda: not len(runner._runs))
    assert outcomes.empty()
    runner.stop()
