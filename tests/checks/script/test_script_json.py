"""Results written as JSON: an object, a list, or an object a line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Result, Status
from agent.plugin.results import presentable
from checks.script import jsonformat
from tests.checks.script.many_results import NOW, read


def test_an_object_a_list_and_an_object_a_line_are_read_alike() -> None:
    first = {"status": "ok", "summary": "fine", "subject": "a"}
    second = {"status": 2, "summary": "broken", "subject": "b", "details": "why\nso"}
    wanted = [Result(Status.OK, "fine", "a"), Result(Status.CRITICAL, "broken", "b", "why\nso")]
    assert read(first) == wanted[:1]
    assert read(first, second) == wanted
    assert list(jsonformat.parse(json.dumps([first, second], indent=2), NOW).results) == wanted
    assert list(jsonformat.parse(json.dumps(first, indent=2), NOW).results) == wanted[:1]


def test_metrics_are_numbers_or_objects_and_come_in_base_units() -> None:
    metrics = {"n": 5, "t": {"value": 20, "unit": "ms", "warning": "10", "critical": 1000, "min": 0, "max": 5000}}
    (result,) = read({"status": "ok", "metrics": metrics})
    plain, time = result.metrics
    assert (plain.name, plain.value, plain.unit) == ("n", 5, "")
    assert (time.value, time.unit, time.warning, time.critical, time.minimum, time.maximum) == (
        0.02, "s", "0.01", "1", 0, 5,
    )  # fmt: skip
    assert result.summary == "n 5, t 0.02s"


@pytest.mark.parametrize(
    ("metric", "status"),
    [
        ({"value": 5, "warning": 10}, "ok"),
        ({"value": 15, "warning": 10, "critical": 20}, "warning"),
        ({"value": 25, "warning": 10, "critical": 20}, "critical"),
        ({"value": 5, "warning": "10:"}, "warning"),
    ],
)
def test_without_a_status_the_metrics_levels_decide(metric: dict[str, object], status: str) -> None:
    (result,) = read({"metrics": {"a": metric}})
    assert result.status.value == status


def test_levels_that_cannot_be_read_are_not_taken_for_well() -> None:
    (result,) = read({"metrics": {"a": {"value": 5, "warning": 10}, "b": {"value": 5, "warning": "ten"}}})
    assert result.status is Status.NODATA
    assert "limits not understood" in result.details


def test_what_is_older_than_its_ttl_is_nodata_of_its_subject() -> None:
    fresh, old = read(
        {"status": "ok", "summary": "x", "subject": "a", "time": NOW - 300, "ttl": 300},
        {"status": "ok", "summary": "x", "subject": "b", "time": NOW - 301, "ttl": 300},
    )
    assert (fresh.status, old.status) == (Status.OK, Status.NODATA)
    assert old.summary == "5m 1s old, at most 5m are allowed; it was ok: x"


def test_unknown_and_wrong_fields_are_noted_and_the_status_stays() -> None:
    (result,) = read({"status": "critical", "sumary": "x", "details": 5, "metrics": {"a": True, "b": {"valu": 1}}})
    assert result.status is Status.CRITICAL
    for word in ('unknown field "sumary"', "details 5 is no text", 'metric "a"', 'unknown field "valu"'):
        assert word in result.details


KNOWN_WORDS = "known: status, summary, subject, details, metrics, time, ttl"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "no JSON"),
        ("[1]", "must be an object"),
        ("5", "must be an object"),
        ("{}", "neither a status nor a metric with a level"),
        (
            '{"results": [{"status": "ok"}]}',
            f'neither a status nor a metric with a level; unknown: "results", {KNOWN_WORDS}',
        ),
        ('{"Status": "ok"}', f'neither a status nor a metric with a level; unknown: "Status", {KNOWN_WORDS}'),
        ('{"metrics": {"a": 5}}', "neither a status nor a metric with a level"),
        ('{"status": "fine"}', 'status "fine" is not ok, warning, critical or nodata'),
        ('{"status": 4}', "status 4 is not ok"),
        ('{"status": true}', "status true is not ok"),
        ('{"status": "ok", "subject": 5}', "subject 5 is no text"),
        ('{"status": "ok", "ttl": 5}', "time and ttl must both be there"),
        ('{"status": "ok", "time": 1e300, "ttl": 5}', "time and ttl must both be there"),
        ('{"status": "ok", "x": nan}', "no JSON"),
        ("[" * 50_000, "no JSON"),
    ],
)
def test_a_bad_object_is_told_with_its_line_and_hides_no_other(line: str, reason: str) -> None:
    said = jsonformat.parse(f'{{"status": "ok", "subject": "a"}}\n{line}\n{{"status": "ok", "subject": "b"}}', NOW)
    assert [result.subject for result in said.results] == ["a", "b"]
    assert said.faults[0].startswith("line 2: ")
    assert reason in said.faults[0]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "null", '"5"', "true", "[]"])
def test_a_number_that_is_none_costs_itself_and_not_the_status(number: str) -> None:
    """Python and JavaScript write such things without a word."""
    said = jsonformat.parse(f'{{"status": "critical", "metrics": {{"a": {number}, "b": 2}}}}', NOW)
    (result,), (unread,) = said.results, said.unread
    assert (result.status, [metric.name for metric in result.metrics]) == (Status.CRITICAL, ["b"])
    assert [one.name for one in unread] == ["a"]


def test_a_letter_that_was_cut_in_its_middle_costs_itself() -> None:
    text = '{"status": "critical", "summary": "a\\ud83d", "subject": "\\udc00x", "details": "\\ud800"}'
    (result,) = presentable(jsonformat.parse(text, NOW).results)
    assert (result.status, result.summary) == (Status.CRITICAL, "a\ufffd")
    (odd,) = jsonformat.parse('{"status": 2, "\\ud800": 1, "metrics": {"\\ud800": 1, "b": "\\ud800"}}', NOW).results
    assert odd.status is Status.CRITICAL
    "".join((result.subject, result.details)).encode()


def test_escapes_bring_no_control_characters_in() -> None:
    (result,) = read({"status": "ok", "summary": "a\x00b\x1b[31m", "subject": "c\nd"})
    assert (result.summary, result.subject) == ("ab[31m", "c d")


FIELDS = st.sampled_from(["status", "summary", "subject", "details", "metrics", "time", "ttl", "value", "unit", "min"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON | st.text(max_size=30).map(lambda text: text.replace("\n", " ")), max_size=5), st.booleans())
def test_no_json_ever_raises_and_no_line_hides_another(values: list[object], sound: bool) -> None:
    lines = [value if isinstance(value, str) else json.dumps(value) for value in values]
    lines.append('{"status": "warning", "subject": "the last"}')
    lines = [lines[-1], *lines] if sound else lines
    said = jsonformat.parse("\n".join(lines), NOW)
    assert sum(result.subject == "the last" for result in said.results) >= 1 + sound
