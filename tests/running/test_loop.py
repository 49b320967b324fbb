"""Runs that wait in one loop: whatever they do is one outcome, and who blocks it is named."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from agent.api import Check, CheckError, Context, Metric, Result, Status, ok
from agent.running.timers import Deadlines
from agent.testing import ran
from tests.running.in_loops import Bench, Waiting, wait_for


class Returning(Check):
    """One that returns what it found."""

    body: Any = None

    async def run(self, ctx: Context) -> Iterable[Result | Metric]:
        return await self.body(ctx)  # type: ignore[no-any-return]


async def well(ctx: Context) -> AsyncIterator[Result]:
    await asyncio.sleep(0)
    yield ok("fine")


async def returns(ctx: Context) -> list[Result]:
    return [ok("fine")]


async def raises(ctx: Context) -> AsyncIterator[Result]:
    yield ok("fine", "/")
    raise CheckError("the rest is gone")


async def breaks(ctx: Context) -> AsyncIterator[Result]:
    await asyncio.sleep(0)
    raise ZeroDivisionError
    yield


async def cancels_itself(ctx: Context) -> AsyncIterator[Result]:
    raise asyncio.CancelledError
    yield


async def nothing(ctx: Context) -> None:
    return None


async def for_ever(ctx: Context) -> AsyncIterator[Result]:
    while True:
        yield ok("again")


async def sleeps(ctx: Context) -> AsyncIterator[Result]:
    await asyncio.sleep(60)
    yield ok("too late")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (Waiting(body=well), "fine"),
        (Returning(body=returns), "fine"),
        (Waiting(body=raises), "the rest is gone"),
        (Waiting(body=breaks), "a bug in this check: ZeroDivisionError"),
        (Waiting(body=cancels_itself), "a bug in this check: CancelledError"),
        (Returning(body=nothing), "run() returned nothing: yield a result"),
        (Waiting(body=for_ever), "did not finish within 300ms"),
    ],
)
def test_whatever_a_run_in_a_loop_does_is_one_outcome_and_the_same_without_an_agent(check: Check, said: str) -> None:
    bench = Bench()
    outcome = bench.run(check, timeout=0.3)
    assert said in outcome.results[-1].summary
    # Who never waits is stopped at its deadline, and the loop is free a moment later.
    until = time.monotonic() + 60
    while (others := bench.run(Waiting(body=well)).results) != (ok("fine"),):
        assert "still holds up" in others[0].summary, "others are not harmed"
        assert time.monotonic() < until, "the loop is free again"
        time.sleep(0.01)  # to ask without a pause would hold the loop up
    assert bench.outcomes.empty()
    assert said in ran(check, timeout=0.3).results[-1].summary


def test_a_run_that_waits_too_long_is_cancelled_and_its_line_is_named() -> None:
    bench = Bench()
    outcome = bench.run(Waiting(body=sleeps), timeout=0.1)
    assert outcome.results[0].summary.startswith("did not finish within 100ms, waits in sleeps (running/test_loop.py:")
    assert not outcome.complete
    assert bench.run(Waiting(body=well)).results == (ok("fine"),), "it is over, the next turn runs"


def test_a_run_that_cannot_be_cancelled_is_given_up_and_never_doubled(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hostvigil")
    release = threading.Event()

    async def will_not_end(ctx: Context) -> AsyncIterator[Result]:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.02)
        yield ok("too late")

    bench = Bench()
    assert "did not finish" in bench.run(Waiting(body=will_not_end), timeout=0.1).results[0].summary
    assert "still waits in will_not_end" in bench.run(Waiting(body=well)).results[0].summary
    release.set()
    wait_for(lambda: "came back after it was given up" in caplog.text)
    assert bench.outcomes.empty(), "its late result is dropped"
    assert bench.run(Waiting(body=well)).results == (ok("fine"),)


def test_a_run_that_blocks_its_loop_is_named_and_what_comes_next_has_another_loop() -> None:
    release = threading.Event()

    async def blocks(ctx: Context) -> AsyncIterator[Result]:
        release.wait(30)
        yield ok("late")

    bench, before = Bench(), count_of_loops()
    bench.start(Waiting(body=sleeps), "beside", timeout=0.4)
    bench.start(Waiting(body=blocks), "blocks", timeout=0.2)
    said = {outcome.check: outcome.results[0].summary for outcome in (bench.outcome(), bench.outcome())}
    assert "holds up all that wait with it in blocks (running/test_loop.py:" in said["blocks"]
    assert "waits for blocks, which holds up all that wait with it" in said["beside"]
    assert bench.run(Waiting(body=well), name="next").results == (ok("fine"),)
    assert count_of_loops() == before + 2
    release.set()
    wait_for(lambda: count_of_loops() == before + 1)  # the one that was held up ends with its last run


def test_a_thousand_that_wait_need_one_thread() -> None:
    bench = Bench()
    before = threading.active_count()
    for number in range(1000):
        bench.start(Waiting(body=sleeps), f"w{number}", timeout=1.0)
    threads, ended = set[int](), set[str]()
    while len(ended) < 1000:  # told one by one when their time is over: all of that while they are counted
        threads.add(threading.active_count() - before)
        ended.add(bench.outcome().check)
    assert max(threads) <= 3


def count_of_loops() -> int:
    return sum(thread.name.startswith("loop") for thread in threading.enumerate())


def test_stopping_cancels_what_waits_and_says_nothing_of_it() -> None:
    bench = Bench()
    begun, ended = threading.Event(), threading.Event()

    async def waits(ctx: Context) -> AsyncIterator[Result]:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        yield ok("never")

    bench.start(Waiting(body=waits), timeout=60.0)
    assert begun.wait(60)
    bench.runner.stop()
    assert ended.wait(60)
    with pytest.raises(queue.Empty):
        bench.outcome(0.1)


def test_the_test_kit_ends_a_run_as_the_agent_does() -> None:
    assert ran(Waiting(body=well)).is_ok().result.status is Status.OK
    ran(Waiting(body=sleeps), timeout=0.1).is_nodata("did not finish within 100ms")


def test_an_own_type_in_a_process_of_its_own_may_wait_as_well() -> None:
    bench = Bench()
    assert bench.run(ApartFine(), timeout=20.0).results == (ok("fine"),)
    assert bench.run(ApartLong(), timeout=2.0).results[0].summary.startswith("did not finish within 2s, hangs ")


class ApartFine(Check):
    isolation = "process"

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        await asyncio.sleep(0)
        yield ok("fine")


class ApartLong(Check):
    isolation = "process"

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        await asyncio.sleep(60)
        yield ok("too late")


def test_a_bug_in_one_deadline_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    deadlines, kept = Deadlines(), threading.Event()
    deadlines.add(time.monotonic(), broken)
    deadlines.add(time.monotonic() + 0.05, kept.set)
    assert kept.wait(5)
    assert "a deadline was not kept" in caplog.text
