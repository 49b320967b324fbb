"""Scripts that speak of many subjects: Checkmk's local checks and JSON; exit codes and levels of the settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, NumberAbove, Result, Status
from agent.plugin.results import presentable
from checks.script import checkmk, jsonformat
from tests.looks import found, script_of

NOW = 1_700_000_000.0


def run(text: str, timeout: float = 60.0, **settings: Any) -> tuple[list[Result], str]:
    """Return what a shell script says, and why the run failed as a whole."""
    results: list[Result] = []
    try:
        for result in found(script_of("/bin/sh", "-c", text, **settings).run(Context(timeout=timeout))):
            results.append(result)
    except CheckError as error:
        return results, str(error)
    return results, ""


def one(line: str) -> Result:
    said = checkmk.parse(line, NOW)
    assert not said.faults
    return said.results[0]


# Checkmk


def test_each_line_is_a_subject() -> None:
    lines = r"""
0 mail queue=3;10;20;0;100|age=1.5 All is well
1 "my disk" - getting full
2 'it "s' a=1;2:5 broken\nfirst detail\nsecond
3 unsure - who knows"""
    results, failure = run(f"cat <<'END'\n{lines}\nEND", format="checkmk_local")
    assert failure == ""
    assert [(r.subject, r.status.value, r.summary) for r in results] == [
        ("mail", "ok", "All is well"),
        ("my disk", "warning", "getting full"),
        ('it "s', "critical", "broken"),
        ("unsure", "nodata", "who knows"),
    ]
    assert results[2].details == "first detail\nsecond"
    queue, age = results[0].metrics
    assert (queue.name, queue.value, queue.warning, queue.critical, queue.minimum, queue.maximum) == (
        "queue", 3, "~:10", "~:20", 0, 100,
    )  # fmt: skip
    assert (age.name, age.value, age.warning) == ("age", 1.5, "")
    assert results[2].metrics[0].warning == "2:5"


@pytest.mark.parametrize(
    ("metrics", "status"),
    [
        ("-", "ok"),
        ("a=5", "ok"),
        ("a=9.9;10;20", "ok"),
        ("a=10;10;20", "warning"),
        ("a=20;10;20", "critical"),
        ("a=-5;10;20", "ok"),
        ("a=1;2:10;1:20", "warning"),
        ("a=0.9;2:10;1:20", "critical"),
        ("a=5;10:;", "warning"),
        ("a=10;10:;", "ok"),
        ("a=5;10|b=5;1;5", "critical"),
        ("a=nonsense;1", "nodata"),
        ("a=5;x;1|b=9;1", "warning"),
    ],
)
def test_p_decides_from_the_metrics_own_levels(metrics: str, status: str) -> None:
    assert one(f"P name {metrics} text").status.value == status


def test_a_metric_that_is_none_is_noted_and_the_state_stays() -> None:
    result = one("2 name a=1|b|c=x;;;|=3|d=1;2;3;4;5;6 text")
    assert (result.status, [metric.name for metric in result.metrics]) == (Status.CRITICAL, ["a"])
    assert result.details.splitlines() == [
        f"metric not understood: {item}" for item in ("b", "c=x;;;", "=3", "d=1;2;3;4;5;6")
    ]


@pytest.mark.parametrize(
    ("epoch", "status", "summary"),
    [
        (NOW - 10, Status.CRITICAL, "text"),
        (NOW - 90, Status.CRITICAL, "text"),
        (NOW - 91, Status.NODATA, "1m 31s old, at most 1m 30s are allowed; it was critical: text"),
        (NOW + 100, Status.NODATA, "dated 1m 40s in the future, at most 1m 30s are allowed; it was critical: text"),
    ],
)
def test_a_cached_line_that_is_too_old_is_nodata_of_its_subject(epoch: float, status: Status, summary: str) -> None:
    result = one(f"cached({epoch:.0f},60) 2 backup - text")
    assert (result.subject, result.status, result.summary) == ("backup", status, summary)


@pytest.mark.parametrize(
    ("metrics", "value", "status"),
    [
        ("used=35MB;20;30", 35, "critical"),
        ("used=25%;20;30", 25, "warning"),
        ("used=1,5;1;2", 1.5, "warning"),
        ("used=16MB;20MB;30MB", 16, "ok"),
        ("used=2,5s;5,5:;2,0:", 2.5, "warning"),
    ],
)
def test_units_are_dropped_as_checkmk_does_and_commas_read(metrics: str, value: float, status: str) -> None:
    result = one(f"P svc {metrics} disk")
    assert (result.status.value, result.metrics[0].value, result.metrics[0].unit) == (status, value, "")
    assert [metric.value for metric in one(f"0 svc {metrics} disk").metrics] == [value]


@pytest.mark.parametrize(
    "torn", ["12 MB;5;10", "35; 20; 30", "35 ;20;30", "12 345;100;200", "5 %;3", "5;; -3;", "12 MB; 5; 10"]
)
def test_p_whose_levels_are_torn_off_by_a_blank_is_not_ok(torn: str) -> None:
    result = one(f"P svc used={torn} disk")
    assert result.status is Status.NODATA
    assert result.summary.startswith("a blank within the metrics, their levels are not read: ")


@pytest.mark.parametrize(
    "text", ["fine; all good", "12 of 30; 4 wait", "a;b", "20 MB; 5 files", "done;", "ok;1 of 3", "-"]
)
def test_a_text_with_semicolons_is_a_text(text: str) -> None:
    assert one(f"P svc used=1 {text}").status is Status.OK
    assert one(f"P svc - {text}").status is Status.OK
    assert one(f"0 svc used=1 {text}").status is Status.OK


def test_p_without_readable_levels_says_why_in_its_first_line() -> None:
    result = one("P svc used=lots;20;30 disk")
    assert (result.status, result.summary) == (Status.NODATA, "metric not understood: used=lots;20;30; disk")


@pytest.mark.parametrize("length", [10, 199, 200, 450, 600, 601, 5000])
def test_two_long_subjects_stay_two(length: int) -> None:
    names = [f"{'x' * length}{end}" for end in "12"]
    for said in (
        checkmk.parse("\n".join(f"0 {name} - fine" for name in names), 0.0),
        jsonformat.parse("\n".join(f'{{"status": 0, "subject": "{name}"}}' for name in names), 0.0),
    ):
        subjects = [result.subject for result in said.results]
        assert len(set(subjects)) == 2
        assert max(map(len, subjects)) <= 620
        assert len({result.subject for result in presentable(said.results)}) == 2


def test_no_tab_stays_in_a_subject_a_summary_or_a_bad_line() -> None:
    result = one('0 "my\tdisk" - all\tis well')
    assert (result.subject, result.summary) == ("my disk", "all is well")
    assert "\t" not in checkmk.parse("what\tis this", NOW).faults[0]
    assert "\t" not in jsonformat.parse("what\tis this", NOW).faults[0]
    (told,) = read({"status": "ok", "subject": "a\tb", "summary": "c\td"})
    assert (told.subject, told.summary) == ("a b", "c d")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hello", "must begin with the state 0, 1, 2, 3 or P and a space"),
        ("4 name - text", "must begin with the state"),
        ("OK name - text", "must begin with the state"),
        ("0", "after the state must come a name"),
        ("0 name", "after the state must come a name"),
        ('0 "name - text', "after the state must come a name"),
        ('0 "" - text', "after the state must come a name"),
        ("cached(x,5) 0 name - text", "must begin with cached(epoch,interval)"),
        ("cached(5) 0 name - text", "must begin with cached(epoch,interval)"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_hides_no_other(line: str, reason: str) -> None:
    said = checkmk.parse(f"0 first - fine\n{line}\n2 last - bad", NOW)
    assert [result.subject for result in said.results] == ["first", "last"]
    assert said.faults[0].startswith(f"line 2: {reason}")
    assert said.faults[0].endswith(line)


def test_a_bad_line_fails_the_run_so_that_no_subject_counts_as_gone() -> None:
    results, failure = run("echo '0 a - fine'; echo bad; echo '0 b - fine'", format="checkmk_local")
    assert [result.subject for result in results] == ["a", "b"]
    assert failure.startswith("line 2: must begin with the state")


NAMES = st.text("ab_./:0", min_size=1, max_size=5)


@given(st.lists(st.tuples(st.sampled_from("0123P"), NAMES, st.text(max_size=40)), max_size=6), st.text(max_size=60))
def test_whatever_stands_between_good_lines_all_are_read(lines: list[tuple[str, str, str]], junk: str) -> None:
    junk = junk.replace("\n", " ")
    good = [f"{state} {name} - {''.join(text.splitlines())}" for state, name, text in lines]
    said = checkmk.parse("\n".join(f"{line}\n{junk}" for line in good), NOW)
    found = iter(said.results)
    assert all(any(result.subject == name for result in found) for _, name, _ in lines)
    assert len(said.results) + said.fault_count >= len(good)


@given(st.text(alphabet="0P cached(1,)\"'-=|;:.a\\n\n", max_size=200))
def test_no_line_of_checkmk_ever_raises(text: str) -> None:
    said = checkmk.parse(text, NOW)
    assert len(said.results) + said.fault_count == sum(1 for line in text.split("\n") if line.strip())


# JSON


def read(*objects: object) -> list[Result]:
    said = jsonformat.parse("\n".join(map(json.dumps, objects)), NOW)
    assert not said.faults
    return list(said.results)


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


# What the exit code and the end mean where there are many subjects


def test_an_exit_code_beside_results_is_nodata_of_the_check_itself() -> None:
    results, failure = run("echo '2 a - x'; echo oops >&2; exit 1", format="checkmk_local")
    assert [(r.subject, r.status.value, r.summary) for r in results] == [("a", "critical", "x")]
    assert failure == "exit 1 (stderr: oops)"


def test_an_exit_code_can_be_declared_fine_or_a_verdict() -> None:
    assert run("echo '0 a - x'; exit 1", format="checkmk_local", exit_codes={"1": "ok"}) == (
        [Result(Status.OK, "x", "a", discovered=True)],
        "",
    )
    results, failure = run("echo '0 a - x'; exit 1", format="checkmk_local", exit_codes={"1": "critical"})
    assert (results[1], failure) == (Result(Status.CRITICAL, "exit 1"), "")


def test_nothing_printed_is_a_failed_run() -> None:
    assert run(":", format="checkmk_local") == ([], "printed no result")
    assert run("echo '[]'", format="json") == ([], "printed no result")


def test_silence_can_be_declared_fine() -> None:
    for format_ in ("checkmk_local", "json"):
        assert run(":", format=format_, empty="ok") == ([Result(Status.OK, "printed no result")], "")
        results, failure = run("echo bad", format=format_, empty="ok")
        assert (results, failure[:4]) == ([], "line" if format_ == "checkmk_local" else "the ")
        assert run("exit 3", format=format_, empty="ok") == ([], "exit 3")


def test_of_a_million_bad_lines_three_are_told_and_a_count() -> None:
    for format_, parse in (("checkmk_local", checkmk.parse), ("json", jsonformat.parse)):
        said = parse("x\n" * 100_000 + ("0 a - b" if format_ != "json" else '{"status": "ok", "subject": "a"}'), NOW)
        assert (len(said.faults), said.fault_count, [result.subject for result in said.results]) == (3, 100_000, ["a"])
        _, failure = run("yes x | head -n 5000", format=format_)
        assert failure.endswith("; and 4997 more")


@pytest.mark.parametrize("between", [", ", ",\n"])
def test_a_list_that_is_cut_off_is_read_as_far_as_it_goes(between: str) -> None:
    entry = '{"status": "critical", "subject": "%d", "summary": "full"}'
    text = "[" + between.join(entry % number for number in range(30_000)) + "]"
    results, failure = run("cat", format="json", stdin=text[:1_000_000])
    assert len(results) > 15_000
    assert {result.status for result in results} == {Status.CRITICAL}
    assert "no JSON" in failure
    results, failure = run(
        "cat; cat /dev/zero | head -c 300000 | tr '\\0' ' '; cat", format="json", stdin=text[:900_000]
    )
    assert len(results) > 14_000
    assert "only the first 1 MiB it printed are read" in failure


def test_a_late_script_keeps_what_it_said() -> None:
    results, failure = run("echo '0 a - x'; sleep 60", timeout=0.5, format="checkmk_local")
    assert results == [Result(Status.OK, "x", "a", discovered=True)]
    assert failure == "did not finish within 500ms (killed)"


def test_beyond_a_mebibyte_whole_lines_are_kept_and_the_run_failed() -> None:
    results, failure = run("yes '0 name - some words to fill the line' | head -c 2000000", format="checkmk_local")
    assert failure == "only the first 1 MiB it printed are read"
    assert len(results) > 20_000
    assert {result.summary for result in results} == {"some words to fill the line"}


# Exit codes and levels


@pytest.mark.parametrize(
    ("text", "codes", "status", "summary"),
    [
        ("echo x; exit 4", {"4": "warning"}, "warning", "x"),
        ("exit 124", {"124": "nodata"}, "nodata", "no output (exit 124)"),
        ("echo x; exit 2", {"2": "ok"}, "ok", "x"),
        ("echo x; exit 5", {"4": "warning"}, "nodata", "exit 5 is no plugin status (0 to 3): x"),
        ("kill -SEGV $$", {"SIGSEGV": "critical"}, "critical", "killed by SIGSEGV"),
    ],
)
def test_exit_codes_mean_what_the_settings_say(text: str, codes: dict[str, str], status: str, summary: str) -> None:
    ((result,), _) = run(f"ulimit -c 0; {text}", exit_codes=codes)
    assert (result.status.value, result.summary) == (status, summary)


def test_a_timeout_can_be_critical() -> None:
    script = script_of("/bin/sleep", "60", exit_codes={"timeout": "critical"})
    (result,) = found(script.run(Context(timeout=0.3)))
    assert (result.status, result.summary) == (Status.CRITICAL, "did not finish within 300ms (killed)")


def test_levels_of_the_settings_judge_the_first_metric_and_the_worse_counts() -> None:
    def judged(text: str) -> tuple[str, str]:
        ((result,), _) = run(text, warning=NumberAbove.parse("5"), critical=NumberAbove.parse("10"))
        return result.status.value, result.summary

    assert judged("echo 'fine | a=4 b=20'") == ("ok", "fine")
    assert judged("echo 'fine | a=5'") == ("warning", "a 5 (warning from 5), fine")
    assert judged("echo 'bad | a=5'; exit 2") == ("critical", "bad")
    assert judged("echo 'fine'") == ("nodata", "it printed no metric to hold against the levels; fine")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"exit_codes": {"256": "ok"}}, "'256' is not an exit code"),
        ({"exit_codes": {"04": "ok"}}, "'04' is not an exit code"),
        ({"exit_codes": {"SIGNONE": "ok"}}, "'SIGNONE' is not an exit code"),
        ({"exit_codes": {"timeout": "ok"}, "format": "json"}, "timeout"),
        ({"sha256": "abc"}, "64 hexadecimal digits"),
        ({"stdin": "x" * 2_000_000}, "longer than a million"),
    ],
)
def test_settings_that_cannot_work_are_problems(settings: dict[str, Any], text: str) -> None:
    ((setting, told),) = script_of("x", **settings).problems()
    assert setting in settings
    assert text in told
