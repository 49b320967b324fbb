"""Calls that block are awaited on threads, once for each name, and bounded by kind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest

from agent.api import Check, CheckError, Context, Metric, Result, ok
from agent.plugin.context import SharedWork
from agent.running.workers import MOST
from tests.running.in_loops import Bench, Waiting, wait_for


class Blocking(Check):
    body: Any = None

    def run(self, ctx: Context) -> Iterable[Result | Metric]:
        return self.body(ctx)  # type: ignore[no-any-return]


def test_a_call_that_blocks_is_awaited_on_a_thread_and_one_name_is_called_once() -> None:
    called: list[int] = []
    asked: list[int] = []
    release = threading.Event()

    def slow() -> str:
        called.append(1)
        release.wait(60)
        return "answer"

    async def asks(ctx: Context) -> AsyncIterator[Result]:
        asked.append(1)
        yield ok(await ctx.call_async("name x", slow))

    bench = Bench()
    for number in range(20):
        bench.start(Waiting(body=asks), f"a{number}", timeout=60.0)
    wait_for(lambda: len(asked) == 20)
    release.set()
    assert {bench.outcome().results[0].summary for _ in range(20)} == {"answer"}
    assert len(called) == 1


def test_calls_of_one_kind_are_bounded_and_each_gets_its_turn() -> None:
    at_work: list[int] = []
    most: list[int] = []

    def slow() -> str:
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.02)
        at_work.pop()
        return "answer"

    bench = Bench()
    for number in range(30):

        async def asks(ctx: Context, key: str = f"name {number}") -> AsyncIterator[Result]:
            yield ok(await ctx.call_async(key, slow, most=3))

        bench.start(Waiting(body=asks), f"a{number}")
    assert {bench.outcome().results[0].summary for _ in range(30)} == {"answer"}
    assert max(most) <= 3


def test_names_that_hang_leave_room_for_names_that_do_not() -> None:
    release = threading.Event()

    def hangs() -> str:
        release.wait(60)
        return "late"

    def asking(key: str, function: Callable[[], str]) -> Check:
        async def asks(ctx: Context) -> AsyncIterator[Result]:
            yield ok(await ctx.call_async(key, function, most=4))

        return Waiting(body=asks)

    bench, before = Bench(), set(threading.enumerate())
    for turn in range(2):  # the first one finds out which hang
        for number in range(20):
            bench.start(asking(f"name {number}", hangs), f"h{number}", timeout=0.3)
        assert len({bench.outcome().check for _ in range(20)}) == 20, turn
        release.set()  # what the first turn began comes back
        wait_for(lambda: not any(thread.name == "call" for thread in set(threading.enumerate()) - before))
        release.clear()
    for number in range(20):
        bench.start(asking(f"name {number}", hangs), f"h{number}", timeout=60.0)
    bench.start(asking("name well", lambda: "answer"), "well", timeout=60.0)
    assert bench.outcome().results[0].summary == "answer"
    release.set()


def test_a_computation_that_may_take_long_goes_on_on_a_thread() -> None:
    from agent.api import Regex

    threads: list[str] = []
    pattern = Regex("(x+x+)+y")

    def search() -> bool:
        threads.append(threading.current_thread().name)
        return pattern.search("x" * 200) is not None

    async def computes(ctx: Context) -> AsyncIterator[Result]:
        yield ok(str(await ctx.compute(search)))

    assert Bench().run(Waiting(body=computes)).results
    assert threads[1:] == ["call"], "begun in the loop, and not held up there"


def test_what_an_earlier_run_still_computes_is_no_answer_of_the_next_one() -> None:
    release = threading.Event()

    def old() -> str:
        release.wait(20)
        return "of the page before"

    async def runs() -> str:
        shared = SharedWork()
        with pytest.raises(CheckError, match="not answering"):
            await Context("web", 0.2, shared=shared).compute(old, long=True)
        with pytest.raises(CheckError, match="an earlier run computes"):
            await Context("web", 0.2, shared=shared).compute(lambda: "of this page", long=True)
        threading.Timer(0.2, release.set).start()
        return await Context("web", 10.0, shared=shared).compute(lambda: "of this page", long=True)

    assert asyncio.run(runs()) == "of this page"


def test_a_kind_that_is_full_makes_only_its_own_checks_wait(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    class Other(Blocking):
        pass

    def hangs(ctx: Context) -> Iterable[Result]:
        release.wait(20)
        yield ok("late")

    bench = Bench()
    for number in range(2 * MOST):
        bench.start(Blocking(body=hangs), f"h{number}", timeout=20.0)
    wait_for(lambda: "do not end, its other checks wait" in caplog.text)
    assert bench.run(Other(body=lambda ctx: iter([ok("fine")])), name="other").results == (ok("fine"),)
    release.set()
    assert len({bench.outcome().check for _ in range(2 * MOST)}) == 2 * MOST
