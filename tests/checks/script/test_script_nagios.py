"""The grammar of plugin output: each line where known agents get it wrong is a test."""

from __future__ import annotations

import signal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Metric, Range, Result, Status
from checks.script import nagios, perfdata
from checks.script.nagios import DETAILS_LENGTH, SUMMARY_LENGTH


def parse(output: bytes, exit_code: int) -> Result:
    return nagios.parse(output, exit_code).result


def one(perf: str) -> Metric:
    (metric,) = parse(f"x | {perf}".encode(), 0).metrics
    return metric


def test_text_and_performance_data_of_the_guidelines_example() -> None:
    result = parse(
        b"DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n"
        b"/ 15272 MB (77%);\n/boot 68 MB (69%);\n"
        b"/home 69357 MB (27%); | /boot=68MB;88;93;0;98\n/home=69357MB;253404;253409;0;253414\n'/var log'=818MB\n",
        0,
    )
    assert result.summary == "DISK OK - free space: / 3326 MB (56%);"
    assert result.details == "/ 15272 MB (77%);\n/boot 68 MB (69%);\n/home 69357 MB (27%);"
    assert [metric.name for metric in result.metrics] == ["/", "/boot", "/home", "/var log"]
    assert result.metrics[0] == Metric("/", 2643e6, "B", "5948000000", "5958000000", 0.0, 5968e6)


@pytest.mark.parametrize(
    ("code", "status"), [(0, Status.OK), (1, Status.WARNING), (2, Status.CRITICAL), (3, Status.NODATA)]
)
def test_the_exit_code_decides_never_the_word_in_the_text(code: int, status: Status) -> None:
    for word in ("OK", "WARNING", "CRITICAL", "UNKNOWN"):
        assert parse(f"{word} - all is said".encode(), code).status is status


def test_an_exponent_is_part_of_the_number() -> None:
    assert one("a=1.5e3").value == 1500
    assert one("a=-2E-2s") == Metric("a", -0.02, "s")
    assert one("a=1e3B;2e3") == Metric("a", 1000, "B", "2000")


def test_quoted_labels_hold_spaces_equals_signs_pipes_and_quotes() -> None:
    assert one("'free space'=1").name == "free space"
    assert one("'a=b'=1").name == "a=b"
    assert one("'a|b'=1").name == "a|b"
    assert one("'it''s'=1").name == "it's"


def test_two_pipes_are_performance_data_twice() -> None:
    result = parse(b"text | a=1 | b=2", 0)
    assert (result.summary, [metric.name for metric in result.metrics]) == ("text", ["a", "b"])


@pytest.mark.parametrize("text", ["~:10", "@10:20", "10:20", "10:", "10", "~:0", ":5.75", "@1:1", "1:1", "@~:5"])
def test_ranges_arrive_as_they_were_written(text: str) -> None:
    metric = one(f"a=1;{text};{text}")
    assert (metric.warning, metric.critical) == (text, text)


@pytest.mark.parametrize(
    ("text", "alerting", "calm"),
    [
        ("10", [-0.1, 10.1], [0, 10]),
        ("10:", [9.9], [10, 1e9]),
        ("~:10", [10.1], [-1e9, 10]),
        ("~:0", [0.1], [0, -5]),
        ("10:20", [9.9, 20.1], [10, 20]),
        ("@10:20", [10, 20], [9.9, 20.1]),
        ("@1:1", [1], [0.9, 1.1]),
        ("1:1", [0.9, 1.1], [1]),
        (":5.75", [-0.1, 5.8], [0, 5.75]),
    ],
)
def test_a_range_means_what_the_table_says_also_in_another_unit(
    text: str, alerting: list[float], calm: list[float]
) -> None:
    plain, scaled = Range.parse(one(f"a=1;{text}").warning), Range.parse(one(f"a=1ms;{text}").warning)
    for value in alerting:
        assert plain.alerts(value)
        assert scaled.alerts(value / 1000)
    for value in calm:
        assert not plain.alerts(value)
        assert not scaled.alerts(value / 1000)


def test_limits_that_are_none_are_noted_and_the_value_stays() -> None:
    for wrong in ("a=1;2:1", "a=1;x", "a=1;1,5", "a=1;;;0;inf", "a=1;;;;;;9"):
        result = parse(f"x | {wrong}".encode(), 1)
        assert [metric.value for metric in result.metrics] == [1]
        assert result.metrics[0].warning == ""
        assert result.details == f"limits not understood: {wrong}"


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [
        ("5", 5, ""), ("5s", 5, "s"), ("5ms", 0.005, "s"), ("1.1ms", 0.0011, "s"), ("5us", 5e-6, "s"),
        ("5\u00b5s", 5e-6, "s"), ("5\u03bcs", 5e-6, "s"),
        ("80%", 80, "%"), ("5B", 5, "B"), ("5KB", 5000, "B"), ("5kB", 5000, "B"), ("5MB", 5e6, "B"), ("5GB", 5e9, "B"),
        ("5TB", 5e12, "B"), ("5MiB", 5 * 1024**2, "B"), ("7c", 7, "c"), ("21.5C", 21.5, "C"), ("+3", 3, ""),
        (".5", 0.5, ""), ("5.", 5, ""), ("-1", -1, ""), ("5°C", 5, "°C"),
    ],
)  # fmt: skip
def test_units_become_base_units(written: str, value: float, unit: str) -> None:
    metric = one(f"a={written}")
    assert (metric.value, metric.unit) == (value, unit)


def test_limits_are_scaled_with_their_value_and_compare_exactly() -> None:
    metric = one("a=12.3ms;12.3;~:50;0;100")
    assert metric == Metric("a", 0.0123, "s", "0.0123", "~:0.05", 0, 0.1)
    assert not Range.parse(metric.warning).alerts(metric.value)


def test_undetermined_values_are_no_metric_and_no_mistake() -> None:
    result = parse(b"x | a=U b=1 c=U;5;6", 0)
    assert ([metric.name for metric in result.metrics], result.details) == (["b"], "")
    assert parse(b"x | a=U", 0).summary == "x"


@pytest.mark.parametrize("wrong", ["1,5", "inf", "nan", "-inf", "Infinity", "1e999", "0x1f", "1.2.3", "1_000", "١", ""])
def test_what_is_no_number_is_noted_and_the_text_stays(wrong: str) -> None:
    result = parse(f"load is | a={wrong}".encode(), 2)
    assert (result.status, result.metrics) == (Status.CRITICAL, ())
    assert result.summary.startswith("load is")
    assert result.details == f"performance data not understood: a={wrong}"
    among = parse(f"load is | a={wrong} b=2".encode(), 2)
    assert (among.summary, [metric.name for metric in among.metrics]) == ("load is", ["b"])
    assert result.details == among.details


@pytest.mark.parametrize(
    "text",
    ["GET http://x/a|b failed", "a | b | c", "http://x/|", "| host | up |", "x | y = 5", "a||b", "it's | what's it"],
)
def test_a_pipe_without_an_item_behind_it_is_text(text: str) -> None:
    result = parse(f"{text}\n{text}".encode(), 0)
    assert result.metrics == ()
    assert result.summary == text.removesuffix("|").rstrip()
    assert result.details == text


def test_a_pipe_in_text_does_not_hide_the_performance_data_behind_it() -> None:
    result = parse(b"GET http://x/a|b?c=1 failed | time=0.1s", 2)
    assert (result.summary, [metric.name for metric in result.metrics]) == ("GET http://x/a|b?c=1 failed", ["time"])


def test_what_looks_like_an_item_in_text_does_not_cut_it() -> None:
    for text in ("got [I am | something=else]", "a | b=c | d=e", "x | load=1,5"):
        result = parse(f"{text}|time=0.1s".encode(), 2)
        assert (result.summary, [metric.name for metric in result.metrics]) == (text, ["time"])
        assert result.details == ""


def test_strangers_among_items_are_noted_the_items_are_read_and_the_text_stays_whole() -> None:
    result = parse(b"x | a=1 what b=2", 0)
    assert result.summary == "x | a=1 what b=2"
    assert [metric.name for metric in result.metrics] == ["a", "b"]
    assert result.details == "performance data not understood: what"


def test_a_table_in_long_text_stays_whole() -> None:
    table = "| web=1 | up |\n| db=2 | down |"
    result = parse(f"2 hosts | hosts=2\n{table}\nend".encode(), 1)
    assert ([metric.name for metric in result.metrics], result.details) == (["hosts"], f"{table}\nend")


def test_empty_performance_data_is_none() -> None:
    assert parse(b"OK - fine |", 0).summary == "OK - fine"
    assert parse(b"OK - fine |\n", 0).details == ""
    assert parse(b"|a=1", 0).summary == "no output (exit 0)"


@pytest.mark.parametrize("output", [b"", b"\n", b"\r\n", b"\0\0", b" \n \n", b"\x1b[0m"])
def test_no_output_says_so_and_keeps_the_status(output: bytes) -> None:
    for code, status in enumerate((Status.OK, Status.WARNING, Status.CRITICAL, Status.NODATA)):
        result = parse(output, code)
        assert (result.status, result.summary) == (status, f"no output (exit {code})")


def test_exit_codes_that_are_no_status_are_nodata_with_the_reason() -> None:
    assert parse(b"hm", 4).summary == "exit 4 is no plugin status (0 to 3): hm"
    assert parse(b"", 126).summary == "not executable (exit 126)"
    assert parse(b"", 127).summary == "command or shared library not found (exit 127)"
    assert parse(b"", 139).summary == "exit 139 (a shell says so of SIGSEGV)"
    for code in range(3, 256):
        assert parse(b"OK", code).status is Status.NODATA


def test_death_by_a_signal_is_nodata_and_names_it() -> None:
    result = parse(b"OK - half a", -signal.SIGSEGV)
    assert (result.status, result.summary) == (Status.NODATA, "killed by SIGSEGV: OK - half a")
    assert parse(b"", -63).summary == "killed by signal 63"


def test_control_characters_colours_cr_and_nul_are_stripped() -> None:
    result = parse(b"\x1b[1;31mCRIT\x1b[0m \x1b]0;title\x07is\tb\0ad\x08\r\nlong\x9b\x85 \xc2\x85text\r\n\tkept", 2)
    assert (result.summary, result.details) == ("CRIT is bad", "long\ufffd\ufffd text\n\tkept")


def test_invalid_utf8_is_replaced_and_utf16_is_read() -> None:
    assert parse(b"caf\xe9 ok", 0).summary == "caf\ufffd ok"
    assert parse("\ufeffgrün".encode(), 0).summary == "grün"
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        result = parse("OK - füße | a=1\r\nmehr\r\n".encode(encoding), 0)
        assert (result.summary, result.details, len(result.metrics)) == ("OK - füße", "mehr", 1)


def test_long_output_is_bounded_and_a_long_first_line_goes_on_in_the_details() -> None:
    result = parse(b"w" * 5000 + b"\nmore", 0)
    assert result.summary == "w" * (SUMMARY_LENGTH - 2) + " …"
    assert result.details == "w" * 5000 + "\nmore"
    assert len(parse(b"x\n" + b"line\n" * 90000, 0).details) in (DETAILS_LENGTH - 1, DETAILS_LENGTH)


def test_the_number_of_metrics_is_bounded_and_that_is_noted() -> None:
    result = parse(b"x |" + b"".join(b" m%d=1" % number for number in range(5000)), 0)
    assert len(result.metrics) == perfdata.METRICS_MAX
    assert result.details == "only the first 256 items of the performance data are kept"


@pytest.mark.parametrize(
    "hostile",
    ["|", "|'", "| ", "a=1|", "|a=1|x ", "'", "|''=", "x\n|a=1 z\n", "'a''", "a=1;", "\x1b", "\x1b]", "|\n", "= "],
)
def test_hostile_output_takes_no_time(hostile: str) -> None:
    output = b"x |" + (hostile * 65536).encode()[:65536]
    began = time.thread_time()
    parse(output, 0)
    assert time.thread_time() - began < 0.5


LABELS = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\ufeff"), min_size=1, max_size=12)
SPACED = st.lists(LABELS, min_size=1, max_size=3).map(" ".join)
NUMBERS = st.one_of(
    st.integers(-(10**15), 10**15).map(str),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200).map(repr),
)
RANGES = st.one_of(
    st.just(""),
    st.builds(
        lambda low, high, at, form: at + form.format(*sorted((low, high))),
        st.integers(-1000, 1000),
        st.integers(-1000, 1000),
        st.sampled_from(["", "@"]),
        st.sampled_from(["{0}:{1}", "~:{1}", "{0}:"]),
    ),
)
ITEMS = st.tuples(
    SPACED, NUMBERS, st.sampled_from(["", "s", "%", "B", "c"]), RANGES, RANGES, st.none() | NUMBERS, st.none() | NUMBERS
)


@given(st.lists(ITEMS, min_size=1, max_size=5))
def test_what_the_grammar_writes_is_read_back_equal(items: list[tuple[str, ...]]) -> None:
    written = " ".join(
        "'{}'={}{};{};{};{};{}".format(label.replace("'", "''"), value, unit, warn, crit, low or "", high or "")
        for label, value, unit, warn, crit, low, high in items
    )
    expected = tuple(
        Metric(
            label, float(value), unit, warn, crit, float(low) if low else None, float(high) if high else None
        )
        for label, value, unit, warn, crit, low, high in items
    )  # fmt: skip
    result = parse(f"some text | {written}".encode(), 0)
    assert (result.summary, result.details) == ("some text", "")
    assert result.metrics == expected


@given(st.binary(max_size=300) | st.text("|=';:~@ \n\t,.0a%\x1b'", max_size=200).map(str.encode), st.integers(-70, 260))
def test_no_bytes_raise_or_lose_the_exit_status(output: bytes, code: int) -> None:
    result = parse(output, code)
    expected = {0: Status.OK, 1: Status.WARNING, 2: Status.CRITICAL}.get(code, Status.NODATA)
    assert result.status is expected
    assert result.summary
    assert "\n" not in result.summary
    assert not set(result.summary + result.details) & set(map(chr, [*range(9), *range(11, 32), 127]))
    assert all(Range.parse(limit) for metric in result.metrics for limit in (metric.warning, metric.critical) if limit)
