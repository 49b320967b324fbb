"""How YAML writes durations, sizes, percentages, ranges and levels, and what they mean."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import (
    Duration,
    Number,
    NumberAbove,
    NumberBelow,
    Percent,
    PercentAbove,
    PercentBelow,
    Range,
    Regex,
    Size,
    SizeBelow,
)
from agent.plugin.units import SettingValue, clock_text, duration_text, size_text, utc

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "GiB": 1024**3, "TiB": 1024**4}
NUMBERS = st.integers(-(10**9), 10**9)


@given(st.integers(0, 10**6), st.sampled_from(sorted(SECONDS)), st.sampled_from(["", " "]))
def test_a_duration_means_its_number_of_units(number: int, unit: str, space: str) -> None:
    assert Duration.parse(f"{number}{space}{unit}") == pytest.approx(number * SECONDS[unit])


@given(st.integers(0, 10**6), st.sampled_from(sorted(BYTES)))
def test_a_size_means_its_number_of_units(number: int, unit: str) -> None:
    assert Size.parse(f"{number}{unit}") == number * BYTES[unit]


@given(st.integers(0, 100))
def test_a_percentage_is_read_back_from_how_it_is_written(number: int) -> None:
    assert Percent.parse(str(Percent.parse(f"{number}%"))) == Percent(number)


@given(st.text(), st.sampled_from([Duration, Size, Percent, Number, NumberAbove, PercentAbove, SizeBelow, Regex]))
def test_any_text_is_read_or_refused_with_a_reason(text: str, kind: type[SettingValue]) -> None:
    try:
        kind.parse(text)
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize("value", [30, 1.5, "30"])
def test_a_number_without_unit_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{value} has no unit, write {value}s, {value}m, {value}h or {value}d$"):
        Duration.parse(value)


@pytest.mark.parametrize("text", ["no", "1:99", "-5s", "5 parsecs", "", "1e3s", "٣s", "inf", "nans"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write for example 30s"):
        Duration.parse(text)


@pytest.mark.parametrize("value", [True, None, [], {}, "9" * 400 + "d"])
def test_values_that_would_overflow_or_are_no_text_are_refused(value: object) -> None:
    for kind in (Duration, Size, Percent):
        with pytest.raises(ValueError):
            kind.parse(value)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "9" * 400, "1e999", True, 10**400])
def test_a_number_is_finite(value: object) -> None:
    with pytest.raises(ValueError):
        Number.parse(value)


def test_more_than_a_hundred_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="101% is more than 100%"):
        Percent.parse("101%")


# The table of ranges in the Monitoring Plugins Development Guidelines, and what follows from it.
TABLE: dict[str, tuple[list[float], list[float]]] = {
    "10": ([-0.1, 10.1], [0, 5, 10]),
    "10:": ([9.9, -1], [10, 1e9]),
    "~:10": ([10.1], [-1e9, 10]),
    "~:0": ([0.1], [0, -1]),
    ":5.75": ([-0.1, 5.76], [0, 5.75]),
    "10:20": ([9.9, 20.1], [10, 20]),
    "@10:20": ([10, 15, 20], [9.9, 20.1]),
    "@1:1": ([1], [0, 2]),
    "1:1": ([0, 2], [1]),
}


@pytest.mark.parametrize("text", TABLE)
def test_a_range_alerts_as_the_guidelines_say(text: str) -> None:
    alerting, quiet = TABLE[text]
    range_ = Range.parse(text)
    assert [value for value in alerting if not range_.alerts(value)] == []
    assert [value for value in quiet if range_.alerts(value)] == []


def test_a_range_that_begins_after_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="begins after its end, write 1:2"):
        Range.parse("2:1")


@pytest.mark.parametrize(("text", "by"), [("~:", "no"), ("@~:", "every")])
def test_a_level_that_decides_nothing_is_refused(text: str, by: str) -> None:
    for level in (NumberAbove, PercentBelow):
        with pytest.raises(ValueError, match=f"is passed by {by} number: write null for no level"):
            level.parse(text)
    assert Range.parse(text).alerts(5) is (by == "every")


ENDS = st.one_of(st.just(math.inf), NUMBERS)
RANGES = st.builds(
    lambda start, end, inside: Range(min(start, end), max(start, end), inside),
    st.one_of(st.just(-math.inf), NUMBERS),
    ENDS,
    st.booleans(),
)


@given(RANGES)
def test_a_range_is_read_back_from_how_it_is_written(range_: Range) -> None:
    assert Range.parse(str(range_)) == range_


@given(RANGES, RANGES, NUMBERS)
def test_what_one_range_implies_alerts_there_too(critical: Range, warning: Range, value: int) -> None:
    # Bounds themselves, and less than 0 of a range that begins at 0, are left out of what `implies` promises.
    bounds = {critical.start, critical.end, warning.start, warning.end}
    unsaid = not critical.inside and critical.start == 0 and value < 0
    if critical.implies(warning) and critical.alerts(value) and value not in bounds and not unsaid:
        assert warning.alerts(value)


@pytest.mark.parametrize(
    ("critical", "warning", "implied"),
    [
        ("90", "80", True),
        ("80", "90", False),
        ("@90:100", "80", True),
        ("90", "~:80", True),
        ("~:50", "@80:100", False),
        ("10:", "20:", True),
        ("20:", "10:", False),
        ("-10:40", "-20:30", False),
    ],
)
def test_critical_beyond_warning_is_told_from_the_reverse(critical: str, warning: str, implied: bool) -> None:
    assert Range.parse(critical).implies(Range.parse(warning)) is implied


@given(NUMBERS, NUMBERS)
def test_a_plain_level_is_passed_at_it_above_and_under_it_below(level: int, value: int) -> None:
    assert NumberAbove.parse(level).passed_by(value) == (value >= level)
    assert NumberBelow.parse(level).passed_by(value) == (value < level)


def test_a_level_with_a_colon_is_a_range_of_its_unit() -> None:
    level = PercentAbove.parse("~:80%")
    assert (level.passed_by(80), level.passed_by(80.1), str(level), level.perfdata) == (False, True, "~:80%", "~:80")


@pytest.mark.parametrize("text", ["(", "a{99999999999}", "(?P<a>", "(" * 5000])
def test_a_bad_regular_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a regular expression"):
        Regex.parse(text)


def test_a_regular_expression_that_python_only_warns_about_is_taken_in_silence() -> None:
    assert Regex.parse("[[a]").search("a")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0123, "12.3ms"), (1.5, "1.5s"), (125, "2m 5s"), (3600, "1h"), (367200, "4d 6h")]
)
def test_a_time_span_is_said_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@given(st.floats(0, 1e9))
def test_no_time_span_is_said_with_an_exponent(seconds: float) -> None:
    assert re.fullmatch(r"[0-9.]+(ms|s|m( \d+s)?|h( \d+m)?|d( \d+h)?)", duration_text(seconds))
    assert duration_text(0.9996) == "1s"


@given(st.one_of(st.integers(), st.integers(-(10**40), 10**40)))
def test_every_moment_can_be_said_whoever_named_it(at: int) -> None:
    assert re.fullmatch(r"-?\d+-\d\d-\d\d \d\d:\d\d:\d\d", clock_text(at))
    assert 1 <= utc(at).year <= 9000


def test_spans_without_an_end_can_be_said() -> None:
    assert [duration_text(one) for one in (math.inf, math.nan)] == ["an endless time"] * 2


@pytest.mark.parametrize(("number", "text"), [(512, "512 B"), (1536, "1.5 GiB"), (1024**5 * 3, "3 PiB")])
def test_a_size_is_said_for_people(number: int, text: str) -> None:
    assert size_text(number * (1024**2 if text.endswith("GiB") else 1)) == text


@pytest.mark.parametrize("text", ["", "error|", "|error", "(error|)", "a*", "x?", r"\s*$", "^", "(?i)", "[0-9]*"])
def test_a_pattern_that_fits_every_text_without_saying_so_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fits every text, as it fits the empty one: if you mean that, write \.\*"):
        Regex.parse(text)


@pytest.mark.parametrize(
    "text", [".*", "^$", "^[^x]*$", "^(?!foo)", "(?s).*", "^.{0,80}$", r"^\w*$", r"^\S*$", r"^\s*$", r"\b", "(?m)^$"]
)
def test_a_pattern_that_fits_the_empty_text_among_others_is_taken(text: str) -> None:
    assert Regex.parse(text).search("") or text == r"\b"
