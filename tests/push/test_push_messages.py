"""What is a message and what is refused, with the reason, however long and odd it is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.report import read_metrics
from agent.cli.wrap import LAST_BYTES, PASSED_ON, Tail, verdict
from agent.model import Status
from agent.push.message import MOST_BYTES, MOST_METRICS, Message, NotAMessage, encode, outcome, parse, prepare


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"status": "ok"}',
        b'{"check": ""}',
        b'{"check": "a", "status": "fine"}',
        b'{"check": "a", "nonsense": 1}',
        b'{"check": "a", "metrics": {"x": "1"}}',
        b'{"check": "a", "at": "now"}',
        b'{"check": "a", "at": -1}',
        b'{"check": "a", "run": 2147483648}',
        b'{"check": "a", "at": 9223372036854775808}',
        b'{"check": "a", "at": -99999999999999999999999999}',
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(line: bytes) -> None:
    with pytest.raises(NotAMessage, match="not understood"):
        parse(line)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"subject": "x" * 501}, "subject is longer than 500 characters"),
        ({"metrics": {"x" * 201: 1}}, "a name in metrics is longer than 200 characters"),
        ({"metrics": {str(at): 1 for at in range(101)}}, "metrics is longer than 100 entries"),
    ],
)
def test_what_is_too_long_is_named_by_the_word_of_the_command(message: dict[str, object], said: str) -> None:
    with pytest.raises(NotAMessage, match=f"^not understood: {said}$"):
        parse(json.dumps({"check": "a", **message}).encode())


@given(
    st.integers(0, 4000),
    st.integers(0, 16_000),
    st.sampled_from('x\x01\U0001f600"\n'),
    st.dictionaries(st.text(min_size=1), st.floats()),
)
def test_a_long_text_of_any_letters_costs_its_end_and_not_the_result(
    summary: int, details: int, letter: str, metrics: dict[str, float]
) -> None:
    kept, left_out = read_metrics([f"m{number}={value}" for number, value in enumerate(metrics.values())])
    assert len(kept) + len(left_out) == len(metrics)
    sent = prepare(Message(check="a", summary=letter * summary, details=letter * details, metrics=kept))
    taken = parse(encode(sent).rstrip())
    assert (taken.check, taken.metrics) == ("a", kept)
    assert len(encode(sent)) <= MOST_BYTES
    assert not summary or taken.summary


def test_a_metric_that_is_no_number_costs_itself_and_not_the_result() -> None:
    said = ["a=1", "b=", "c=nan", "d=1,5", "e=5ms", "f=1e999", "g=-.5", *(f"x{number}=1" for number in range(200))]
    kept, left_out = read_metrics(said)
    assert [*kept][:3] == ["a", "g", "x0"]
    assert len(kept) == MOST_METRICS
    assert left_out[:2] == ["metric b is left out: '' is no number", "metric c is left out: 'nan' is no number"]
    assert left_out[-1] == "metric x199 is left out: 100 are the most"


@given(st.integers(0, 2**53), st.integers(1_700_000_000_000, 1_900_000_000_000))
def test_whenever_a_sender_says_it_was_the_result_is_of_a_moment_that_can_be_told(at: int, now: int) -> None:
    """A clock that was not set says 1970, and one that is ahead what is to come."""
    taken = outcome(Message(check="a", at=at), True, now, str)
    assert 1_000_000_000_000 <= taken.started_at <= now
    assert taken.started_at in (at, now)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_fail_in_any_other_way(line: bytes) -> None:
    with suppress(NotAMessage):
        assert isinstance(parse(line), Message)


@pytest.mark.parametrize("size", [1, 7, LAST_BYTES, 3 * LAST_BYTES])
def test_the_last_of_what_a_command_says_is_kept_however_it_comes(size: int) -> None:
    said = bytes(number % 251 for number in range(3 * LAST_BYTES))
    tail = Tail()
    for start in range(0, len(said), size):
        tail.append(said[start : start + size])
    assert tail.read() == said[-LAST_BYTES:]


# Not those that nobody can take, nor those that say that wrap itself has a bug.
MAY_END_WRAP = {signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS}


def test_every_signal_that_would_end_wrap_is_handed_on() -> None:
    script = (
        "import os, resource, signal\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "for number in sorted(signal.valid_signals()):\n"
        "    if not (child := os.fork()):\n"
        "        os.kill(os.getpid(), number)\n"
        "        os._exit(0)\n"
        "    code = os.waitpid(child, os.WUNTRACED)[1]\n"
        "    os.WIFSIGNALED(code) and print(int(number))\n"
        "    os.WIFSTOPPED(code) and (os.kill(child, 9), os.waitpid(child, 0))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    would_end = {int(word) for word in done.stdout.split()} | {signal.SIGINT}
    assert set(PASSED_ON) == would_end - MAY_END_WRAP


def test_what_is_no_text_costs_neither_the_result_nor_its_metrics() -> None:
    sent = parse(encode(prepare(Message(check="a", summary="\udcff", subject="\udcfe", metrics={"r\udcffw": 1.0}))))
    assert (sent.summary, sent.subject, sent.metrics) == ("\\udcff", "\\udcfe", {"r\\udcffw": 1.0})


def test_the_verdict_over_a_command_is_its_exit_status() -> None:
    done = verdict("b", "", "/bin/backup", 0, 2.0, "all fine\n")
    failed = verdict("b", "", "/bin/backup", 3, 2.0, "step one\nno space left\n")
    killed = verdict("b", "", "/bin/backup", -9, 2.0, "")
    assert (done.status, done.summary) == (Status.OK, "backup: done in 2s")
    assert (failed.status, failed.summary) == (Status.CRITICAL, "backup: exit 3 in 2s: no space left")
    assert killed.summary == "backup: killed by SIGKILL in 2s"
    coloured = verdict("b", "", "/bin/backup", 3, 2.0, "\x1b[31mno space left\n\x1b[0m\n\x1b[2K\r\0\n")
    assert (coloured.summary, coloured.details) == (failed.summary, "no space left")
    assert failed.metrics == {"duration": 2.0, "exit": 3.0}
