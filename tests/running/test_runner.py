"""One run becomes one outcome, whatever the check yields or raises."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from agent.api import CheckError, Context, Metric, Result, Status, critical, judge, ok, warning
from agent.model import Outcome
from agent.plugin.results import gather
from tests.examples import examples
from tests.running.runs import Bench, Body


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


@given(st.integers(), st.sampled_from([10**30, -(10**30), 2**63, 10**400, -(10**400)]), st.booleans())
def test_whatever_numbers_a_type_yields_they_can_be_stored(small: int, large: int, truth: bool) -> None:
    result = gather([ok("x"), Metric("a", small), Metric("b", large, minimum=large), Metric("c", truth)])[0]
    for metric in result.metrics:
        assert isinstance(metric.value, float) or abs(metric.value) <= 2**53
        sqlite3.connect(":memory:").execute("SELECT ?", (metric.value,))
    assert {one.name for one in result.metrics} >= {"a", "c"}


def test_secrets_are_taken_out_of_every_text() -> None:
    bench = Bench(scrub=lambda text: text.replace("s3cret", "***"))
    outcome = bench.run(lambda ctx: iter([critical("login with s3cret failed", "s3cret", "used s3cret")]))
    assert "s3cret" not in repr(outcome)
