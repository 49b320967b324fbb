"""Each line of a local check of Checkmk is a subject."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Result, Status
from agent.plugin.results import presentable
from checks.script import checkmk, jsonformat
from tests.checks.script.many_results import NOW, read, run


def one(line: str) -> Result:
    said = checkmk.parse(line, NOW)
    assert not said.faults
    return said.results[0]


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
