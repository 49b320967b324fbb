"""Runs that hang, wait or share work: each is given up in time, and none holds the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from agent.api import Context, Result, Status, ok
from tests.running.runs import Bench


def test_a_run_that_hangs_is_given_up_and_the_line_it_hangs_in_is_named() -> None:
    release = threading.Event()
    bench = Bench()

    def body(ctx: Context) -> Iterator[Result]:
        release.wait(30)
        yield ok("too late")

    outcome = bench.run(body, timeout=0.1)
    release.set()
    assert outcome.results[0].status is Status.NODATA
    assert "did not finish within 100ms" in outcome.results[0].summary
    assert "hangs in body (running/test_runner_waiting.py:" in outcome.results[0].summary


def test_no_second_run_is_started_beside_one_that_hangs_and_its_late_result_is_dropped() -> None:
    release, runs = threading.Event(), []
    bench = Bench()

    def body(ctx: Context) -> Iterator[Result]:
        runs.append(threading.current_thread())
        release.wait(30)
        yield ok("too late")

    assert "did not finish" in bench.run(body, timeout=0.1).results[0].summary
    assert "still hangs" in bench.run(body, timeout=0.1).results[0].summary
    assert len(runs) == 1
    release.set()
    runs[0].join(5)
    assert bench.run(lambda ctx: iter([ok("well again")])).results == (ok("well again"),)
    assert bench.outcomes.empty()


def test_a_turn_that_comes_while_the_check_still_runs_is_skipped() -> None:
    release = threading.Event()
    bench = Bench()

    def body(ctx: Context) -> Iterator[Result]:
        release.wait(30)
        yield ok("done")

    bench.start(body)
    bench.start(body)
    release.set()
    assert bench.outcome().results == (ok("done"),)
    assert bench.outcomes.empty()


def test_hanging_checks_do_not_hold_the_others() -> None:
    release = threading.Event()
    bench = Bench()

    def hang(ctx: Context) -> Iterator[Result]:
        release.wait(30)
        yield ok("late")

    for number in range(150):
        bench.start(hang, name=f"hang-{number}", timeout=0.05)
    assert {bench.outcome().check for _ in range(150)} == {f"hang-{number}" for number in range(150)}
    assert bench.run(lambda ctx: iter([ok("fine")]), name="good").check == "good"
    release.set()


def test_a_check_that_yields_for_ever_is_ended() -> None:
    def body(ctx: Context) -> Iterator[Result]:
        while True:
            yield ok("again")

    bench = Bench()
    outcome = bench.run(body, timeout=0.05)
    assert outcome.results[-1].status is Status.NODATA


def test_stopping_interrupts_what_runs() -> None:
    entered, interrupted = threading.Event(), threading.Event()

    def body(ctx: Context) -> Iterator[Result]:
        with ctx.interruptible(interrupted.set):
            entered.set()
            interrupted.wait(30)
        yield ok("ended")

    bench = Bench()
    bench.start(body)
    assert entered.wait(5)
    bench.runner.stop()
    assert interrupted.wait(5)
    assert bench.outcome().results == (ok("ended"),)


def test_runs_due_together_share_work_and_a_later_turn_does_it_anew() -> None:
    made: list[int] = []
    bench = Bench()

    def body(ctx: Context) -> Iterator[Result]:
        yield ok(str(ctx.shared("table", lambda: made.append(1) or len(made))))

    due = time.monotonic()
    for number in range(20):
        bench.start(body, name=f"p{number}", due=due)
    assert {bench.outcome().results[0].summary for _ in range(20)} == {"1"}
    assert bench.run(body, due=time.monotonic()).results[0].summary == "2"


def test_a_call_that_hangs_holds_one_thread_however_often_it_is_asked_for() -> None:
    release = threading.Event()

    def body(ctx: Context) -> Iterator[Result]:
        answers = ctx.calls({"statvfs /hung": lambda: release.wait(30), "statvfs /": lambda: "fine"})
        yield ok(f"{answers['statvfs /']}, {answers['statvfs /hung']}")

    bench = Bench()
    others = set(threading.enumerate())
    for _ in range(3):
        assert "fine, not answering for" in bench.run(body, timeout=0.1).results[0].summary
    until = time.monotonic() + 60
    while len(calls_but(others)) > 1 and time.monotonic() < until:
        time.sleep(0.01)  # a call that has answered may not have left its thread yet
    assert len(calls_but(others)) == 1
    release.set()


def test_when_the_system_gives_no_thread_the_run_waits_for_one(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    usual = threading.stack_size(2**46)  # more than there is: no thread can start
    try:
        bench.start(lambda ctx: iter([ok("a")]), name="a")
    finally:
        threading.stack_size(usual)
    assert "waits for a free thread" in caplog.text
    bench.start(lambda ctx: iter([ok("b")]), name="b")
    assert {bench.outcome().check, bench.outcome().check} == {"a", "b"}


def calls_but(others: set[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "call" and thread not in others]


def test_a_call_that_has_hung_for_long_holds_the_next_runs_only_a_moment() -> None:
    release = threading.Event()
    bench = Bench()

    def body(ctx: Context) -> Iterator[Result]:
        yield ok(str(ctx.calls({"statvfs /hung": lambda: release.wait(30)})["statvfs /hung"]))

    first = bench.run(body, timeout=1.0)
    time.sleep(0.15)  # now the call is older than a whole timeout
    second = bench.run(body, timeout=1.0)
    release.set()
    assert first.duration > 0.8
    assert second.duration < 0.5
    assert "not answering for" in second.results[0].summary


def test_many_quick_checks_due_together_need_few_threads() -> None:
    bench = Bench()
    before = sum(thread.name == "worker" for thread in threading.enumerate())
    for number in range(200):
        bench.start(lambda ctx: iter([ok("quick")]), name=f"q{number}")
    assert len({bench.outcome().check for _ in range(200)}) == 200
    # A busy machine may let some wait longer; a worker each would be a hundred.
    assert sum(thread.name == "worker" for thread in threading.enumerate()) - before < 20


def test_checks_that_wait_for_something_soon_get_a_worker_each() -> None:
    all_there = threading.Barrier(40)

    def body(ctx: Context) -> Iterator[Result]:
        all_there.wait(8)
        yield ok("met the others")

    bench = Bench()
    for number in range(40):
        bench.start(body, name=f"w{number}", timeout=9.0)
    assert {bench.outcome().results[0].summary for _ in range(40)} == {"met the others"}
