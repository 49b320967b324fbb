"""Where a script speaks of many subjects: exit codes, ends, cuts, and levels of the settings."""

from __future__ import annotations

from typing import Any

import pytest

from agent.api import Context, NumberAbove, Result, Status
from checks.script import checkmk, jsonformat
from tests.checks.looks import found, script_of
from tests.checks.script.many_results import NOW, run

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
