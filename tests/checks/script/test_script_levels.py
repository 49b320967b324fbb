"""Levels of the settings judge one metric, and where it has no value nobody is told that all is well."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, NumberAbove, Result, Status
from checks.script import nagios
from checks.script.levels import Levels, apply_levels
from tests.checks.looks import found, script_of

LEVELS = {"warning": NumberAbove.parse("5"), "critical": NumberAbove.parse("10")}

UNREADABLE = ["U", "", "12,5", "99,", "99(pct)", "nan", "inf", "-", "0x1f", "1e999", "1_000", "n/a", "1.2.3", "١"]
"""What programs write where a number should be."""


def run(command: list[str], **settings: Any) -> tuple[list[Result], str]:
    results: list[Result] = []
    try:
        for result in found(script_of(*command, **settings).run(Context(timeout=10))):
            results.append(result)
    except CheckError as error:
        return results, str(error)
    return results, ""


def printed(text: str, code: int = 0, **settings: Any) -> Result:
    command = ["/bin/sh", "-c", "cat; exit $CODE"]
    ((result,), _) = run(command, stdin=text, env={"CODE": str(code)}, **{**LEVELS, **settings})
    return result


def in_each_format(metrics: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return (format, text) of a program that says it is well, with these metrics."""

    def number(value: str) -> object:
        return float(value) if value.isascii() and value.isdigit() else value

    listed = "|".join(f"{name}={value}" for name, value in metrics)
    objects = {name: number(value) for name, value in metrics}
    return [
        ("nagios", "OK | " + " ".join(f"{name}={value}" for name, value in metrics)),
        ("checkmk_local", f"0 svc {listed} fine"),
        ("json", json.dumps({"status": "ok", "metrics": objects})),
    ]


@pytest.mark.parametrize("wrong", [value for value in UNREADABLE if value not in ("12,5", "99,")])
@pytest.mark.parametrize("format_", ["nagios", "checkmk_local", "json"])
def test_a_first_metric_without_a_value_is_nodata_and_no_other_takes_its_place(format_: str, wrong: str) -> None:
    for others in ([], [("users", "1")], [("users", "99")]):
        text = dict(in_each_format([("load", wrong), *others]))[format_]
        result = printed(text, format=format_)
        assert (result.status, "load" in result.summary) == (Status.NODATA, True), text


@pytest.mark.parametrize("wrong", ["12,5", "99,", "90,5%"])
def test_a_comma_is_no_point_in_performance_data_unless_the_settings_say_so(wrong: str) -> None:
    assert printed(f"OK | load={wrong} users=1").status is Status.NODATA
    assert printed(f"OK | load={wrong}, users=1, x=2").status is Status.NODATA


@pytest.mark.parametrize(
    "number", ["1 234", "12 345", "4 000 000", "-1 234", "4\u202f000", "4\u00a0000", "4 000,5", "4 000B"]
)
def test_a_number_in_groups_of_digits_is_not_its_first_group(number: str) -> None:
    for rest in ("", " users=1", ";80;90"):
        assert printed(f"OK | load={number}{rest}").status is Status.NODATA
    assert printed(f"OK | users=1 load={number}").status is Status.OK
    for other in ("4 users", "4 x=100", "4; 100", "4s 100", "1234 100", "4 1000", "4 10"):
        assert printed(f"OK | users=1 | load={other}", warning=None, critical=None).status is Status.OK


@pytest.mark.parametrize("unit", ["ms", "us", "\u03bcs", "KB", "MB", "GiB", "MB;80;90"])
def test_a_unit_behind_a_blank_is_not_left_out(unit: str) -> None:
    assert printed(f"OK | load=1 {unit}").status is Status.NODATA
    assert printed(f"OK | load=1 {unit} users=1").status is Status.NODATA
    assert printed(f"OK | users=1 x=? {unit}").status is Status.OK, "of another value"
    for harmless in ("s", "B", "%", "load"):
        assert printed(f"OK | load=1 {harmless}").status is Status.OK


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("OK | load=12,5 users=1", "critical"),
        ("OK | load=5,5;6,0;7,0;0;100 users=1", "warning"),
        ("OK | load=4,9", "ok"),
        ("OK | load=-12,5", "ok"),
        ("OK 1,5 | load=12.5", "critical"),
        ("OK\nmore | load=12,5", "critical"),
    ],
)
def test_with_decimal_commas_they_are_read(text: str, status: str) -> None:
    assert printed(text, decimal_comma=True).status.value == status


@pytest.mark.parametrize("format_", ["nagios", "checkmk_local", "json"])
def test_a_later_metric_that_cannot_be_read_changes_nothing(format_: str) -> None:
    for first, status in (("4", Status.OK), ("5", Status.WARNING), ("10", Status.CRITICAL)):
        text = dict(in_each_format([("load", first), ("temp", "n/a"), ("more", "99")]))[format_]
        assert printed(text, format=format_).status is status
        assert printed(text, format=format_, warning=None, critical=None).status is Status.OK


@pytest.mark.parametrize("format_", ["nagios", "checkmk_local", "json"])
def test_the_metric_that_is_named_is_judged(format_: str) -> None:
    text = dict(in_each_format([("load", "n/a"), ("users", "7"), ("free", "1")]))[format_]
    assert printed(text, format=format_, metric="users").status is Status.WARNING
    assert printed(text, format=format_, metric="free").status is Status.OK
    for name in ("load", "missing"):
        result = printed(text, format=format_, metric=name)
        assert (result.status, f"'{name}'" in result.summary) == (Status.NODATA, True)


def test_performance_data_that_were_taken_for_text_may_have_been_the_first() -> None:
    for text in ("OK | load=12,5 | users=1", "OK|load=12,5|users=1", "OK | load=99 high | users=1"):
        assert printed(text).status is Status.NODATA, text
    assert printed("GET http://x/a|b?c=1 is well | time=7").status is Status.WARNING


def test_a_plugin_without_any_metric_cannot_be_held_against_levels() -> None:
    for text in ("OK", "OK |", "OK - a | b"):
        assert printed(text).status is Status.NODATA
        assert printed(text, warning=None, critical=None).status is Status.OK


def test_a_subject_that_says_it_has_no_metrics_is_left_alone_unless_one_is_named() -> None:
    for format_, text in (("checkmk_local", "0 svc - fine"), ("json", '{"status": "ok", "subject": "svc"}')):
        assert printed(text, format=format_).status is Status.OK
        assert printed(text, format=format_, metric="load").status is Status.NODATA


@pytest.mark.parametrize(("code", "status"), [(1, Status.WARNING), (2, Status.CRITICAL), (3, Status.NODATA)])
def test_a_worse_status_that_the_program_gave_stays(code: int, status: Status) -> None:
    result = printed("BAD | load=U users=99", code)
    assert (result.status, result.summary) == (status, "BAD")


def test_what_was_printed_before_the_end_came_and_passes_a_level_is_known() -> None:
    def ended(text: str, **settings: Any) -> Result:
        script = script_of("/bin/sh", "-c", text, **{**LEVELS, **settings})
        ((result),) = found(script.run(Context(timeout=0.6)))
        return result

    result = ended("echo 'OK | load=99'; sleep 60")
    assert (result.status, result.summary) == (
        Status.CRITICAL,
        "load 99 (critical from 10), OK; then it did not finish within 600ms (killed)",
    )
    assert ended("printf 'OK | load=99'; sleep 60").status is Status.NODATA  # perhaps 99 is not all of it
    assert ended("echo 'OK | load=1'; sleep 60").status is Status.NODATA
    assert ended("echo 'OK | load=99'; sleep 60", warning=None, critical=None).status is Status.NODATA


def test_half_a_number_at_the_bound_is_none() -> None:
    for length in range(65536 - 20, 65536 + 2):
        result = printed("w" * (length - len(" | load=1234")) + " | load=1234")
        assert result.status is (Status.CRITICAL if length < 65536 else Status.NODATA), length


def test_each_further_line_may_end_in_performance_data() -> None:
    (result, _) = nagios.parse(b"OK | z=0\nline2 | a=1\nline3 | b=2\nc=3", 0)
    assert [(metric.name, metric.value) for metric in result.metrics] == [("z", 0), ("a", 1), ("b", 2), ("c", 3)]
    assert result.details == "line2\nline3"


NAMES = st.sampled_from("abcde")
VALUES = st.sampled_from(["1", "7", "99", "U", "12,5", "x"])


@given(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=5, unique_by=lambda pair: pair[0]), NAMES | st.just(""))
def test_the_levels_are_about_one_metric_and_only_that(metrics: list[tuple[str, str]], name: str) -> None:
    """The oracle: look the one metric up by hand."""
    text = "OK | " + " ".join(f"{label}={value}" for label, value in metrics)
    levels = Levels(LEVELS["warning"], LEVELS["critical"], name)
    found = apply_levels(*nagios.parse(text.encode(), 0), levels)
    value = dict(metrics).get(name) if name else metrics[0][1]
    wanted = {"1": Status.OK, "7": Status.WARNING, "99": Status.CRITICAL}.get(value or "", Status.NODATA)
    assert found.status is wanted


@pytest.mark.parametrize("part", ["'a' 5 ", "''", "'' 5", "'a''b' 5 ", "„x“ 5 ", "a 5 ", '"a" 5'])
def test_what_may_be_a_name_is_read_in_one_way_however_often_quotes_come(part: str) -> None:
    began = time.process_time()
    nagios.parse(f"OK | {part * 60}x!".encode(), 0)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "text",
    [
        "load 99",
        "load: 99",
        "load 99%",
        "load 99;5;10",
        "load 1.5, 2.5",
        "a 1 b 2",
        "took 5s",
        "'a b' 5",
        '"a b" 5',
        "99",
        "99%;5;10",
    ],
)
@pytest.mark.parametrize("form", ["OK | {} | users=1", "OK|{}|users=1", "OK | {} | | users=1"])
def test_a_first_metric_without_its_equals_sign_is_not_passed_over(form: str, text: str) -> None:
    parsed = nagios.parse(form.format(text).encode(), 0)
    levels = Levels(LEVELS["warning"], LEVELS["critical"])
    said = apply_levels(parsed.result, parsed.unread, levels)
    assert said.status is Status.NODATA
    assert "lacks its `=`" in said.summary
    named = apply_levels(parsed.result, parsed.unread, levels._replace(metric="users"))
    assert named.status is Status.OK


@pytest.mark.parametrize(
    "text", ["=5", "load =5", "load = 5 ; 10 ; 20", "load => 5", "'=5", "load'=5", "=5MB;10;20", "=U", "=", "==5"]
)
@pytest.mark.parametrize("form", ["OK | {} | users=1", "OK|{}|users=1", "OK | {} | | users=1"])
def test_a_first_metric_that_lost_its_name_is_not_passed_over(form: str, text: str) -> None:
    levels = Levels(LEVELS["warning"], LEVELS["critical"])
    said = apply_levels(*nagios.parse(form.format(text).encode(), 0), levels)
    assert (said.status, "its first metric has no value" in said.summary) == (Status.NODATA, True)
    named = apply_levels(*nagios.parse(form.format(text).encode(), 0), levels._replace(metric="users"))
    assert named.status is Status.OK


@pytest.mark.parametrize(
    "text", ["2026-11-27 12:00:00", "a | b", "12:30", "all is fine", "5 GB free", "a table", "https://x/?a|b 9"]
)
def test_a_text_between_two_pipes_stays_text(text: str) -> None:
    parsed = nagios.parse(f"OK | {text} | users=1".encode(), 0)
    assert (parsed.unread, parsed.result.metrics[0].name) == ((), "users")
