"""What a metric that was raised makes of the next results, until it is clear. Pure."""

from __future__ import annotations

from agent.engine.state.hysteresis import apply_hysteresis
from agent.model import Metric, Result, Status

OK, WARNING, CRITICAL, NODATA = Status.OK, Status.WARNING, Status.CRITICAL, Status.NODATA


def result(status: Status, *metrics: Metric) -> Result:
    return Result(status, "12 of 20", "/a", metrics=metrics)


def metric(name: str, status: Status | None = OK, hold: Status | None = None) -> Metric:
    return Metric(name, 5.0, status=status, hold=hold)


def test_what_is_bad_is_raised_and_what_has_no_clear_level_is_not() -> None:
    seen = result(CRITICAL, metric("plain", None), metric("load", CRITICAL), metric("used"))
    assert apply_hysteresis(seen, {}) == (seen, {"load": CRITICAL})


def test_what_is_raised_is_held_until_it_is_clear_and_each_is_named() -> None:
    seen = result(OK, metric("load", OK, CRITICAL), metric("used", OK, WARNING), metric("free", OK, WARNING))
    counts, raised = apply_hysteresis(seen, {"load": CRITICAL, "used": CRITICAL})
    assert (counts.status, counts.summary) == (CRITICAL, "12 of 20 (load, used: critical until it clears)")
    assert (counts.subject, counts.metrics) == ("/a", seen.metrics)
    assert raised == {"load": CRITICAL, "used": WARNING}


def test_what_was_raised_less_is_not_held_for_more() -> None:
    seen = result(OK, metric("load", OK, CRITICAL))
    assert apply_hysteresis(seen, {"load": WARNING}) == (seen, {})


def test_what_is_clear_or_no_longer_measured_is_raised_no_more() -> None:
    seen = result(OK, metric("load"))
    assert apply_hysteresis(seen, {"load": CRITICAL, "gone": CRITICAL}) == (seen, {})


def test_where_nobody_could_look_what_was_raised_stays_unless_it_was_measured_all_the_same() -> None:
    seen = result(NODATA, metric("load"))
    assert apply_hysteresis(seen, {"load": CRITICAL, "used": WARNING}) == (seen, {"used": WARNING})


def test_a_result_that_is_worse_by_itself_stays_as_it_is() -> None:
    seen = result(CRITICAL, metric("load", OK, WARNING))
    assert apply_hysteresis(seen, {"load": WARNING}) == (seen, {"load": WARNING})
