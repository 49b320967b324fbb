"""One run, whatever a check does in it, is exactly one outcome."""

from __future__ import annotations

import os
import queue
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.api import Check, CheckError, Context, Metric, Result, Status, critical, judge, ok, warning
from agent.config.settings import CheckConfig, Place
from agent.model import Outcome
from agent.plugin.context import SharedWork
from agent.plugin.results import gather
from agent.running.memories import SecondTries
from agent.running.memory_text import MARK
from agent.running.runner import Runner
from agent.running.runs import Runs
from tests.examples import examples

Body = Callable[[Context], Iterator[Result | Metric]]


class Scripted(Check):
    """A check that does what the test says."""

    body: Any = None

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        return self.body(ctx)  # type: ignore[no-any-return]


class Bench:
    """A runner whose outcomes the test takes from a queue."""

    def __init__(self, **options: Any) -> None:
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.runner = Runner(self.outcomes.put, **options)

    def start(self, body: Body, name: str = "web", timeout: float = 5.0, due: float | None = None) -> None:
        config = CheckConfig(name, "scripted", Scripted(body=body), Place("x.yaml"), timeout=timeout)
        self.runner.start(config, time.monotonic() if due is None else due)

    def outcome(self) -> Outcome:
        return self.outcomes.get(timeout=10)

    def run(self, body: Body, **options: Any) -> Outcome:
        self.start(body, **options)
        return self.outcome()


def test_a_result_becomes_an_outcome_with_its_time() -> None:
    outcome = Bench().run(lambda ctx: iter([ok("fine")]))
    assert outcome.results == (ok("fine"),)
    assert outcome.complete
    assert outcome.started_at == pytest.approx(time.time() * 1000, abs=5000)
    assert 0 <= outcome.duration < 5


def test_several_results_of_a_subject_are_one_and_the_worst_comes_first() -> None:
    outcome = Bench().run(lambda ctx: iter([ok("space fine", "/"), critical("inodes out", "/"), warning("b", "/b")]))
    assert [(r.subject, r.status, r.summary) for r in outcome.results] == [
        ("/", Status.CRITICAL, "inodes out, space fine"),
        ("/b", Status.WARNING, "b"),
    ]


def test_metrics_join_the_result_of_their_subject() -> None:
    outcome = Bench().run(lambda ctx: iter([Metric("inodes", 5, subject="/"), judge("used", 1, subject="/")]))
    assert [metric.name for metric in outcome.results[0].metrics] == ["used", "inodes"]


ODD = (
    st.none()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.booleans()
    | st.just(object)
)
THINGS = st.builds(Metric, ODD, ODD, ODD, ODD, ODD, ODD, ODD, ODD)
ODD_RESULTS = st.builds(
    Result, st.sampled_from([*Status, "ok", "fine", 3, None]), ODD, ODD, ODD, st.lists(THINGS | ODD)
)


@given(st.lists(ODD_RESULTS | THINGS | ODD, max_size=4))
@examples(60, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_check_yields_its_run_ends_with_an_outcome_at_once(yielded: list[Any]) -> None:
    outcome = Bench().run(lambda ctx: iter(yielded), timeout=60.0)
    assert outcome.results
    assert "hang" not in outcome.results[0].summary
    msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome)


def test_what_is_no_text_or_number_is_said_with_its_place() -> None:
    for thing, said in (
        (ok(5), "run() yielded a Result whose summary is 5: write text"),  # type: ignore[arg-type]
        (Metric("a", "5"), "run() yielded the Metric 'a' whose value is '5': write a number"),  # type: ignore[arg-type]
        (Metric(b"a", 5), "run() yielded a Metric whose name is b'a': write text"),  # type: ignore[arg-type]
    ):
        assert said in Bench().run(lambda ctx, thing=thing: iter([ok("fine"), thing])).results[0].summary  # type: ignore[misc]
    assert Bench().run(lambda ctx: iter([Result(Status.OK, None, metrics=(Metric("a", 1, None),))])).results == (  # type: ignore[arg-type]
        Result(Status.OK, "", metrics=(Metric("a", 1),)),
    )


@pytest.mark.parametrize("odd", [ok(5), Result("bad", "x"), Result(0, "x")])  # type: ignore[arg-type]
def test_a_result_that_is_none_takes_no_other_with_it(odd: Result) -> None:
    results = Bench().run(lambda ctx: iter([critical("is full", "/data"), odd])).results
    assert ("/data", Status.CRITICAL) in [(result.subject, result.status) for result in results]
    assert ("", Status.NODATA) in [(result.subject, result.status) for result in results]


def test_a_metric_named_after_a_file_whose_name_is_not_utf8_can_be_stored() -> None:
    outcome = Bench().run(lambda ctx: iter([ok("fine"), Metric("old\udcff", 5)]))
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome
    assert outcome.results[0].metrics == (Metric("old\\udcff", 5),)


def test_could_not_look_is_nodata_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def body(ctx: Context) -> Iterator[Result]:
        raise CheckError("no such device")
        yield

    outcome = Bench().run(body)
    assert (outcome.results[0].status, outcome.results[0].summary) == (Status.NODATA, "no such device")
    assert not outcome.complete
    assert not caplog.records


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), SystemExit(3), KeyboardInterrupt()])
def test_a_bug_in_a_check_is_nodata_and_a_traceback_in_the_log(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def body(ctx: Context) -> Iterator[Result]:
        raise error
        yield

    outcome = Bench().run(body)
    assert outcome.results[0].status is Status.NODATA
    assert type(error).__name__ in outcome.results[0].summary
    assert "Traceback" in caplog.text


def test_what_was_seen_before_a_failure_is_kept() -> None:
    def body(ctx: Context) -> Iterator[Result]:
        yield ok("fine", "/")
        raise CheckError("the rest is gone")

    outcome = Bench().run(body)
    assert [(r.subject, r.status) for r in outcome.results] == [("/", Status.OK), ("", Status.NODATA)]
    assert not outcome.complete


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda ctx: iter([]), "said nothing"),
        (lambda ctx: iter([Metric("a", 1)]), "said only metrics, no result: yield ok(...) as well"),
        (lambda ctx: iter(["ok"]), "neither a Result nor a Metric"),
        (lambda ctx: None, "run() returned nothing: yield a result"),
        (lambda ctx: ok("x"), "run() returned a Result: yield it instead"),
        (lambda ctx: Metric("a", 1), "run() returned a Metric: yield it instead"),
        (lambda ctx: 5, "run() returned 5: yield a result"),
    ],
)
def test_a_run_that_yields_nothing_or_nonsense_is_nodata(body: Body, reason: str) -> None:
    outcome = Bench().run(body)
    assert outcome.results[0].status is Status.NODATA
    assert reason in outcome.results[0].summary


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
    assert "hangs in body (running/test_runner.py:" in outcome.results[0].summary


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


def test_memory_is_given_back_at_the_next_run_and_handed_on_only_when_it_changed() -> None:
    def body(ctx: Context) -> Iterator[Result]:
        ctx.memory["runs"] = min(2, ctx.memory.get("runs", 0) + 1)
        yield ok(str(ctx.memory["runs"]))

    bench = Bench(memories={"web": {"runs": 1}})
    assert [bench.run(body).memory for _ in range(2)] == [{"runs": 2}, None]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=2), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(["lasting", "x"]), JSON, max_size=2))
def test_whatever_an_earlier_life_remembered_a_check_is_well_at_once(memory: dict[str, Any]) -> None:
    """Another version, or a damaged file, may have left anything: the check begins anew, and nobody is told."""

    def body(ctx: Context) -> Iterator[Result]:
        ctx.memory["lasting"] = {name: first + 0.5 for name, first in ctx.memory.get("lasting", {}).items()}
        yield ok("fine")

    bench = Bench(memories={"web": memory})
    assert bench.run(body).results[0].status is Status.OK


def test_a_bug_in_a_later_run_leaves_the_memory_as_it_is() -> None:
    looks: list[object] = []

    def body(ctx: Context) -> Iterator[Result]:
        looks.append(ctx.memory.get("runs"))
        ctx.memory["runs"] = ctx.memory.get("runs", 0) + 1
        if len(looks) == 2:
            raise KeyError("bug")
        yield ok("fine")

    bench = Bench(memories={"web": {"runs": 7}})
    assert [bench.run(body).results[0].status for _ in range(3)] == [Status.OK, Status.NODATA, Status.OK]
    assert looks == [7, 8, 8]


@given(st.integers(), st.sampled_from([10**30, -(10**30), 2**63, 10**400, -(10**400)]), st.booleans())
def test_whatever_numbers_a_type_yields_they_can_be_stored(small: int, large: int, truth: bool) -> None:
    result = gather([ok("x"), Metric("a", small), Metric("b", large, minimum=large), Metric("c", truth)])[0]
    for metric in result.metrics:
        assert isinstance(metric.value, float) or abs(metric.value) <= 2**53
        sqlite3.connect(":memory:").execute("SELECT ?", (metric.value,))
    assert {one.name for one in result.metrics} >= {"a", "c"}


ODD = st.text(st.sampled_from("a\0\ud800\udcff:é"), max_size=5) | st.just(f"{MARK}zz")
MEMORIES = st.dictionaries(ODD, ODD | st.lists(ODD, max_size=2) | st.dictionaries(ODD, st.integers(0, 9), max_size=2))


@given(MEMORIES)
def test_names_of_any_bytes_can_be_remembered_and_are_the_same_in_the_next_life(memory: dict[str, Any]) -> None:
    looks: list[object] = []

    def body(ctx: Context) -> Iterator[Result]:
        looks.append(dict(ctx.memory))
        ctx.memory.update(memory)
        yield ok("fine")

    bench = Bench()
    first = bench.run(body)
    assert first.results[0].summary == "fine"
    bench.run(body)
    msgspec.json.encode(first.memory)
    Bench(memories={"web": first.memory or {}}).run(body)
    assert looks == [{}, memory, memory]


def test_memory_that_is_not_json_is_a_bug_of_the_check() -> None:
    def body(ctx: Context) -> Iterator[Result]:
        ctx.memory["file"] = object()
        yield ok("fine")

    outcome = Bench().run(body)
    assert "ctx.memory" in outcome.results[-1].summary
    assert outcome.memory is None


def test_secrets_are_taken_out_of_every_text() -> None:
    bench = Bench(scrub=lambda text: text.replace("s3cret", "***"))
    outcome = bench.run(lambda ctx: iter([critical("login with s3cret failed", "s3cret", "used s3cret")]))
    assert "s3cret" not in repr(outcome)


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


# --- in a process of its own ------------------------------------------------------------------------------------------


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


# --- nothing is kept of what is gone ----------------------------------------------------------------------------------


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def remembering(ctx: Context) -> Iterator[Result]:
    ctx.memory["place"] = 7
    yield critical("seen")


def test_a_run_that_noted_its_memory_is_believed_though_the_agent_stood_still() -> None:
    """What it has noted as told already would be lost if it were run again."""
    tries = SecondTries()
    run = Runs().new(CheckConfig("web", "scripted", Scripted(), Place("x.yaml"), timeout=1.0), 0.0)
    run.context.begin({})
    late = Outcome("web", 1, 0, 100.0, (critical("late"),))
    assert tries.wants(run, late)
    assert not tries.wants(run, late), "not twice in a row"
    assert not tries.wants(run, msgspec.structs.replace(late, memory={"place": 7}))
    assert not tries.wants(run, msgspec.structs.replace(late, results=(ok("fine"),)))


def test_the_memory_of_a_removed_check_does_not_come_back_by_a_run_that_was_still_going_on() -> None:
    bench, begun, go_on = Bench(), threading.Event(), threading.Event()

    def slow(ctx: Context) -> Iterator[Result]:
        begun.set()
        go_on.wait(10)
        return remembering(ctx)

    bench.start(slow)
    assert begun.wait(10)
    bench.runner.forget(["web"])
    go_on.set()
    wait_until(lambda: not len(bench.runner._runs))
    found = bench.run(lambda ctx: iter([ok(str(ctx.memory))]))
    assert (found.results[0].summary, found.memory) == ("{}", None)


def test_after_reloads_the_runner_keeps_nothing_of_what_is_gone() -> None:
    bench = Bench(memories={f"web{number}": {"old": number} for number in range(50)})
    for number in range(50):
        bench.run(remembering, name=f"web{number}")
        bench.runner._second_tries._tries.add(f"web{number}")
        bench.runner.forget([f"web{number}"])
    wait_until(lambda: not len(bench.runner._runs))
    assert (len(bench.runner._memories), len(bench.runner._second_tries)) == (0, 0)


def test_of_shared_work_only_what_was_made_lately_is_kept() -> None:
    shared = SharedWork()
    for number in range(1000):
        shared._making[f"realpath /{number}"] = threading.Lock()
        shared._keep(f"realpath /{number}", number * 10.0, "x")
    assert len(shared._cache) <= 110
    assert len(shared._making) <= 110
