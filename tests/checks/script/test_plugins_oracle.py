"""Ranges and performance data against nagiosplugin, which others wrote, and against our own `hostvigil check`."""

from __future__ import annotations

import contextlib

import nagiosplugin
from hypothesis import assume, example, given
from hypothesis import strategies as st

from agent.api import Metric, Range, Result, Status
from agent.cli.check import EXIT_CODES, perfdata, text, worst
from agent.model import Outcome
from agent.plugin.results import gather
from agent.plugin.text import _is_plain
from checks.script import nagios
from tests.examples import examples

NUMBERS = st.integers(-(10**9), 10**9) | st.decimals(-(10**6), 10**6, places=3)
WHOLE = st.builds(
    lambda at, begin, end: f"{at}{begin}{end}",
    st.sampled_from(["", "@"]),
    st.just("") | st.just("~:") | st.just(":") | NUMBERS.map(lambda number: f"{number}:"),
    st.just("") | NUMBERS.map(str),
)
RANGES = WHOLE | st.text("@~:.-019", max_size=8)
VALUES = st.floats(-1e10, 1e10) | st.integers(-20, 20)


def theirs(written: str) -> nagiosplugin.Range | None:
    with contextlib.suppress(ValueError):
        return nagiosplugin.Range(written)
    return None


@given(RANGES, st.lists(VALUES, min_size=3))
@example("10", [-1, 0, 10, 11])
@example("@10:20", [9, 10, 20, 21])
@example("~:0", [-1, 0, 1])
@example("2:1", [0])
@example("10..20", [0])
@example("5.+3", [0])
@example("1e2.5", [0])
def test_a_range_alerts_where_nagiosplugin_says_so(written: str, values: list[float]) -> None:
    other = theirs(written)
    (metric,) = nagios.parse(f"x | a=1;{written}".encode(), 0).result.metrics
    if other is None or not written:  # nagiosplugin takes no range for one from 0 on
        assert metric.warning == ""
        return
    ours = Range.parse(metric.warning)
    for value in (*values, other.start, other.end):
        assert ours.alerts(value) is not other.match(value), value


@given(WHOLE)
def test_a_range_is_written_as_it_is_read(written: str) -> None:
    assume(theirs(written) is not None and written not in ("", "@"))
    ours, other = Range.parse(written), nagiosplugin.Range(written)
    assert parts(nagiosplugin.Range(str(ours))) == parts(other)


def parts(range_: nagiosplugin.Range) -> tuple[float, float, bool]:
    return float(range_.start), float(range_.end), range_.invert


LETTERS = st.characters(exclude_categories=["C", "Z"], exclude_characters="'=\ufeff")
LABELS = st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=3).map(" ".join)


@given(
    st.lists(
        st.tuples(LABELS, NUMBERS, st.sampled_from(["", "s", "B", "%", "c"]), WHOLE, WHOLE, NUMBERS, NUMBERS),
        min_size=1,
        max_size=4,
    )
)
def test_what_nagiosplugin_writes_is_read(rows: list[tuple[str, float, str, str, str, float, float]]) -> None:
    assume(all(theirs(limit) is not None for row in rows for limit in row[3:5]))
    written = " ".join(
        str(nagiosplugin.Performance(*row[:3], *map(nagiosplugin.Range, row[3:5]), *row[5:])) for row in rows
    )
    result = nagios.parse(f"text | {written}".encode(), 0).result
    assert (result.summary, result.details) == ("text", "")
    for metric, (label, value, unit, warning, critical, low, high) in zip(result.metrics, rows, strict=True):
        assert (metric.name, metric.value, metric.unit) == (label, float(value), unit)
        assert (metric.minimum, metric.maximum) == (float(low), float(high))
        for limit, one in ((metric.warning, warning), (metric.critical, critical)):
            assert parts(nagiosplugin.Range(limit)) == parts(nagiosplugin.Range(one))


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Z"]).filter(_is_plain), min_size=1, max_size=10)
WORDS = st.lists(NAMES, min_size=1, max_size=3).map(" ".join)
LIMITS = st.just("") | st.builds(
    lambda low, more, form: form.format(low, low + more),
    st.integers(-(10**6), 10**6),
    st.integers(0, 10**6),
    st.sampled_from(["{0}:", "~:{0}", "{0}:{1}", "@{0}:{1}"]),
)
MEASURED = st.integers(-(10**14), 10**14).map(float) | st.floats(-1e9, 1e9).map(lambda value: float(f"{value:.12g}"))


def metrics(names: st.SearchStrategy[str]) -> st.SearchStrategy[list[Metric]]:
    bounds = st.none() | MEASURED
    units = st.sampled_from(["", "s", "B", "%", "°C"])
    return st.lists(st.builds(Metric, names, MEASURED, units, LIMITS, LIMITS, bounds, bounds), max_size=3)


def outcomes(words: st.SearchStrategy[str]) -> st.SearchStrategy[Outcome]:
    results = st.builds(Result, st.sampled_from(Status), words, words, words, metrics(words).map(tuple))
    found = st.lists(results, min_size=1, max_size=5, unique_by=lambda result: result.subject)
    return found.map(lambda results: Outcome("c", 1, 1, 0.1, gather(results)))


def as_plugin(outcome: Outcome) -> Result:
    return nagios.parse(text(outcome).encode(), EXIT_CODES[worst(outcome.results)]).result


def written(name: str) -> str:
    return name.replace("=", "_").replace("|", "/")


@examples(15)
@given(outcomes(WORDS))
def test_what_hostvigil_check_prints_is_read_back(outcome: Outcome) -> None:
    read = as_plugin(outcome)
    several = len(outcome.results) > 1
    status = worst(outcome.results)
    assert read.status is status
    first = [result for result in outcome.results if result.status is status][:3]
    assert read.summary.startswith(f"{status.upper()}: " + "; ".join(one.summary for one in first).replace("|", "/"))
    for result in outcome.results:
        assert result.details.replace("|", "/") in read.details
    expected = {
        (
            written(f"{result.subject} {metric.name}" if several else metric.name),
            *(metric.value, metric.unit, metric.warning, metric.critical, metric.minimum, metric.maximum),
        )
        for result in outcome.results
        for metric in result.metrics
    }
    assert {
        (metric.name, metric.value, metric.unit, metric.warning, metric.critical, metric.minimum, metric.maximum)
        for metric in read.metrics
    } == expected


@examples(30)
@given(outcomes(st.text(st.characters(), max_size=20) | st.text("|='\n\r\t\x1b[;: \udcff\u2028", max_size=20)))
def test_no_text_breaks_what_hostvigil_check_prints(outcome: Outcome) -> None:
    read = as_plugin(outcome)
    assert read.status is worst(outcome.results)
    assert read.summary.startswith(read.status.upper())
    assert [metric.value for metric in read.metrics] == [
        metric.value for result in sorted_as_printed(outcome) for metric in result.metrics
    ]
    assert "not understood" not in read.details


def sorted_as_printed(outcome: Outcome) -> list[Result]:
    order = [Status.CRITICAL, Status.WARNING, Status.NODATA, Status.OK]
    return sorted(outcome.results, key=lambda result: order.index(result.status))


def test_sizes_are_told_to_the_byte() -> None:
    total = float(16 * 1024**4 + 1)
    assert perfdata(Metric("total", total, "B", maximum=total), "") == "'total'=17592186044417B;;;;17592186044417"
    assert perfdata(Metric("share", 0.1 + 0.2), "") == "'share'=0.3"
