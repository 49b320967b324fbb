"""References to secrets are expanded anywhere, and their content shows in no problem."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.config.secrets.references import MOST_BYTES
from tests.config.drop_ins import GOOD, SECRET, written
from tests.config.sample_types import Web


def test_references_are_expanded_anywhere_in_text_and_remembered(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    text = "checks:\n  a: {type: web, url: 'http://${env:A}/$${x}', headers: {K: 'Bearer ${file:key}'}}\n"
    config = written(tmp_path, text.replace("A}", "A!secret}"), environ={"A": "from-env"})
    assert config.problems == ()
    assert config.checks["a"].check == Web(url="http://from-env/${x}", headers={"K": "Bearer from-file"})
    assert config.secrets == {"from-file", "from-env"}


def test_the_mark_that_an_editor_puts_before_a_text_is_no_part_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbffrom-file\r\n")
    (tmp_path / "mark").write_bytes(b"\xef\xbb\xbf\r\n")
    text = "checks:\n  a: {type: web, url: 'http://x', headers: {K: '${file:key}'}}\n"
    config = written(tmp_path, text + "  b: {type: web, url: '${file:mark}'}\n")
    assert config.checks["a"].check == Web(url="http://x", headers={"K": "from-file"})
    assert [problem.text.rpartition("} ")[2] for problem in config.problems] == ["is empty"]


def test_a_written_out_key_is_a_secret_too(tmp_path: Path) -> None:
    config = written(tmp_path, GOOD + "agent: {events: {endpoint: https://a.b, api_key: plain-key}}")
    assert config.secrets == {"plain-key"}


def test_a_secret_file_that_cannot_be_used_is_a_problem_at_the_value(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * (MOST_BYTES + 1))
    (tmp_path / "bytes").write_bytes(b"\xff")
    (tmp_path / "nul").write_bytes(b"a\0b")
    names = ("fifo", "empty", "large", "bytes", "nul", ".", "x" * 300)
    lines = [f"  c{at}: {{type: web, url: '${{file:{name}}}'}}\n" for at, name in enumerate(names)]
    reasons = [problem.text.rpartition("} ")[2] for problem in written(tmp_path, "checks:\n" + "".join(lines)).problems]
    assert reasons[:6] == [
        "is not a regular file",
        "is empty",
        "is larger than 64 KiB",
        "is not UTF-8 text",
        "has a NUL byte in it, which no setting can hold",
        "is a directory, not a file",
    ]
    assert "File name too long" in reasons[6]


@pytest.mark.parametrize(
    "line",
    [
        "agent: {hostname: ' ${env:S}'}",
        "agent: {tags: {env: '${env:LINES}'}}",
        "agent: {events: {endpoint: 'https://${env:S}', api_key: k}}",
        "agent: {events: {endpoint: 'http://${env:WORD}', api_key: k}}",
        "agent: {events: {endpoint: https://a.b, api_key: '${env:S} ${env:S}'}}",
        "agent: {events: {rate_limit: '${env:S}'}}",
        "agent: {events: {timeout: '${env:S}'}}",
        "agent: {events: {proxy: '${env:S}'}}",
        "agent: {events: {heartbeat: '${env:FAST}', most_bytes: '${env:S}', digest_above: '${env:S}'}}",
        "agent: {maintenance: {weekly: sun 1:00, duration: 1h, select: 'sesame=${env:LINES}='}}",
        "agent: {maintenance: {weekly: sun 1:00, duration: 1h, select: '${env:WORD}='}}",
    ]
    + [
        f"checks: {{x: {{{chosen}}}}}"
        for chosen in (
            "type: '${env:S}'",
            "type: volume, path: ['${env:S}', 5], count: '${env:S}'",
            "type: volume, path: '${env:S}'",
            "type: volume, path: [/, '${env:S}'], writable: '${env:S}'",
            "type: volume, path: /, warning: '${env:S}'",
            "type: volume, path: /, warning: '${env:RANGE}'",
            "type: volume, path: /, at_least: ['${env:S}']",
            "type: volume, path: /, count: '${env:S}'",
            "type: volume, path: /, writable: '${env:S}'",
            "type: volume, path: /, exclude: '${env:S}'",
            "type: volume, path: /, exclude: {type: ['${env:S}']}",
            "type: volume, path: /, warning: 20%, critical: '${env:LOW}'",
            "type: volume, path: /, warning: 20%, critical: {raise: '${env:LOW}', clear: 1%}",
            "type: web, url: '${env:S}'",
            "type: web, url: 'https://a@${env:S}'",
            "type: web, url: 'https://${env:S}', method: HEAD, matches: x",
            "type: web, url: https://a, method: '${env:S}'",
            "type: web, url: https://a, matches: '${env:S}'",
            "type: volume, path: /, interval: '${env:S}'",
            "type: volume, path: /, interval: '${env:FAST}'",
            "type: volume, path: /, timeout: '${env:LONG}'",
            "type: volume, path: /, retry_interval: '${env:LONG}'",
            "type: volume, path: /, cron: '${env:S}'",
            "type: volume, path: /, cron: '0 0 * * ${env:WORD}'",
            "type: volume, path: /, cron: 0 3 * * *, timezone: '${env:S}'",
            "type: volume, path: /, fail_after: '${env:S}'",
            "type: volume, path: /, fail_after: {warning: '${env:S}'}",
            "type: volume, path: /, for: '${env:S}'",
            "type: volume, path: /, for: '${env:YEARS}'",
            "type: volume, path: /, flapping: '${env:S}'",
            "type: volume, path: /, flapping: {low: '${env:S}'}",
            "type: volume, path: /, flapping: {low: '${env:LOW}', high: 3%}",
            "type: volume, path: /, repeat_every: '${env:FAST}'",
            "type: volume, path: /, depends_on: '${env:S}'",
            "type: volume, path: /, depends_on: ['${env:S}', '${env:WORD}', '${env:WORD}']",
            "type: volume, path: /, maintenance: '${env:S}'",
            "type: volume, path: /, maintenance: {weekly: '${env:S}', duration: '${env:FAST}', reason: '${env:LINES}'}",
            "type: volume, path: /, maintenance: {cron: '0 0 * * ${env:WORD}', duration: 1h}",
            "type: volume, path: /, maintenance: {weekly: sun 1:00, duration: 1h, timezone: '${env:WORD}'}",
            "type: volume, path: /, critical: {raise: '${env:S}', clear: 1%}",
            "type: volume, path: /, critical: {raise: 50%, clear: '${env:RANGE}'}",
            "type: volume, path: /, enabled: '${env:S}'",
            "type: volume, path: /, tags: '${env:S}'",
            "type: volume, path: /, tags: {a: '${env:LINES}'}",
        )
    ]
    + ["'${env:S}'", "checks: '${env:S}'", "agent: '${env:S}'", "checks: {x: '${env:S}'}", "defaults: '${env:S}'"],
)
def test_the_content_of_a_secret_shows_in_no_problem(line: str, tmp_path: Path) -> None:
    environ = {
        "S": SECRET,
        "LINES": "7771\n7772",
        "WORD": "sesame",
        "RANGE": "77.71%:66.61%",
        "LOW": "17.71%",
        "FAST": "777ms",
        "LONG": "7771m",
        "YEARS": "7771d",
    }
    config = written(tmp_path, line, environ=environ)
    text = "\n".join(problem.text for problem in config.problems)
    assert "${env:" in text
    shown = [part for part in (SECRET, *SECRET.split("\\"), "777", "sesame", "77.71", "66.61", "17.7") if part in text]
    assert shown == []
