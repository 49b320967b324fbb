"""The one redactor: what it hides, what it must leave, and what it costs."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import logging
import re
import shlex
import string
import time
import unicodedata
import urllib.parse
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.config.settings import Config
from agent.delivery.answer import hide_body, plain
from agent.delivery.sinks.truewatch.answers import classify
from agent.model import Metric, Result, Status
from agent.plugin.results import DETAILS_LIMIT, SUMMARY_LIMIT, _metric, presentable, without_secrets
from agent.system.records import CleanRecords
from agent.system.redactor import HIDDEN, KEEP_SECONDS, MOST_OLD, Redactor, redactor
from tests.examples import examples

TOKEN = "tok-9f8e7d6c5b4a"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\nAgEAAoIBAQ==\n-----END PRIVATE KEY-----"

# No secret has letters of the texts around it, so that what is found is the secret and nothing else.
STRONG = st.text("ABCDEFGH1234567-_!/ \"'\\%&<é", min_size=8, max_size=60).filter(
    lambda text: len(text.strip()) >= 8 and any(map(str.isalpha, text)) and any(map(str.isdigit, text))
)
AROUND = st.text("xyz .,:;()[]\n", max_size=30)

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "url": urllib.parse.quote,
    "form": urllib.parse.quote_plus,
    "path": lambda text: urllib.parse.quote(text, safe=""),
    "json": json.dumps,
    "json with letters": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
    "bytes": lambda text: repr(text.encode()),
    "encodeURIComponent": lambda text: urllib.parse.quote(text, safe="!~*'()"),
    "encoded twice": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe=""), safe=""),
    "json of Go": lambda text: json.dumps(text, ensure_ascii=False).translate(
        {ord("<"): r"\u003c", ord("&"): r"\u0026", ord(">"): r"\u003e"}
    ),
    "json of PHP": lambda text: json.dumps(text).replace("/", r"\/"),
    "html": html.escape,
    "html of Go": lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "yaml": lambda text: "'" + text.replace("'", "''") + "'",
    "csv": lambda text: '"' + text.replace('"', '""') + '"',
    "set -x": lambda text: "'" + text.replace("'", r"'\''") + "'",
    "shlex": lambda text: shlex.quote(f" {text}")[2:-1],
    "printf %q": lambda text: re.sub(r"([^\w@%+=:,./-])", r"\\\1", text),
    "in double quotes of a shell": lambda text: re.sub(r'([\\"$`])', r"\\\1", text),
    "hexadecimal": lambda text: text.encode().hex(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper(),
    "basic": lambda text: "Basic " + base64.b64encode(f"anybody:{text}".encode()).decode(),
    "base64 of more": lambda text: base64.b64encode(f"xx{text}yy".encode()).decode(),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(f"x{text}y".encode()).decode(),
}


BREAKS = ["\n", "\n    ", "\r\n", "\\n", " \n\t"]
LONG = st.text(string.ascii_letters + string.digits + "-_!%", min_size=24, max_size=300).filter(
    lambda secret: len(set(secret)) > 8
)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@examples(8)
@given(secret=STRONG, before=AROUND, after=AROUND)
def test_a_secret_shows_in_no_form(form: Callable[[str], str], secret: str, before: str, after: str) -> None:
    shown = redactor([secret])(f"{before} {form(secret)} {after}")
    assert secret.strip() not in shown
    assert form(secret.strip()).strip("\"'") not in shown
    assert base64.b64encode(secret.strip().encode()).decode()[4:-4] not in shown


@given(secrets=st.lists(STRONG, min_size=1, max_size=8), data=st.data())
def test_of_many_secrets_none_shows_in_whatever_order(secrets: list[str], data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from(secrets) | AROUND, max_size=12))
    shown = redactor(secrets)("".join(parts))
    assert not [secret for secret in secrets if secret.strip() in shown]


@given(st.text(), st.sets(STRONG, max_size=4))
def test_a_text_without_a_secret_is_left_as_it_is(text: str, secrets: set[str]) -> None:
    plain = "".join(c for c in text if c not in "ABCDEFGH1234567-_!/ \"'\\%&<é")
    assert redactor(secrets)(plain) == plain


@given(secret=STRONG, cut=st.integers(8, 60), before=AROUND)
def test_the_beginning_of_a_secret_that_was_cut_off_does_not_stay(secret: str, cut: int, before: str) -> None:
    secret = secret.strip()
    half = secret[: min(cut, len(secret) - 1)]
    if len(half) >= 8:
        assert half not in redactor([secret])(f"{before} {half}")
        assert half not in redactor([secret])(f"{before} {half}\nnext line")
    assert secret[:5] not in redactor([secret])(f"x {secret[:5]}… y") or secret[:5] in "x  y"


def test_nor_does_its_end_where_a_line_begins_in_the_middle() -> None:
    assert redactor([TOKEN])(f"{TOKEN[5:]} and so on\n…{TOKEN[-5:]} too") == "*** and so on\n…*** too"


@given(LONG, st.integers(4, 80), st.sampled_from(BREAKS), st.booleans(), st.text("ab "))
def test_a_secret_that_is_broken_over_lines_shows_in_none(
    secret: str, width: int, broken: str, encoded: bool, before: str
) -> None:
    whole = base64.b64encode(f"anybody:{secret}!".encode()).decode() if encoded else secret
    text = before + broken.join(whole[at : at + width] for at in range(0, len(whole), width)) + " after"
    shown = redactor([secret])(text)
    assert shown.endswith(" after")
    left = "".join(shown.replace(broken, "").removesuffix(" after").split(HIDDEN))
    assert len(left) <= len(before) + (12 if encoded else 0), shown


@given(st.text("ab1 \n\t\\nr", max_size=200), st.sampled_from(["a1b1a1b1a", "zz-zz-zz-zz"]))
def test_line_ends_of_what_is_no_secret_stay(text: str, secret: str) -> None:
    joined = re.sub(r"[ \t\r]*(?:\n|\\r\\n|\\n)[ \t]*", "", text)
    if secret[:8] not in joined and secret[-8:] not in joined:
        assert redactor([secret])(text) == text


def test_each_line_of_a_key_is_hidden_and_its_armour_is_not() -> None:
    hide = redactor([KEY])
    for line in KEY.splitlines()[1:-1]:
        assert hide(f"bad key: {line}!") == "bad key: ***!"
    assert hide("no -----BEGIN PRIVATE KEY----- found") == "no -----BEGIN PRIVATE KEY----- found"
    assert "MII" not in hide(json.dumps({"key": KEY}))


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("1", "127.0.0.1:1 refused after 1.5s, 11 tries"),
        ("2", "74.2 GiB free, -2%"),
        ("8080", "10.0.0.1:8080 refused, 18080 and 8080.5 too"),
        ("test", "the latest attestation of web-test-1 in /srv/test/x"),
        ("web", "website, web.example.com and my_web"),
        ("prod", "production"),
    ],
)
def test_a_secret_that_is_a_word_or_a_number_tears_nothing_apart(secret: str, text: str) -> None:
    assert redactor([secret])(text) == text


@pytest.mark.parametrize("text", ["pw hunter!", "'hunter'", "pw=hunter", "http://u:hunter@h/", '{"a": "\\nhunter"}'])
def test_it_is_hidden_where_it_stands_alone(text: str) -> None:
    assert "hunter" not in redactor(["hunter"])(text)


def test_without_secrets_the_text_itself_comes_back() -> None:
    text = "x" * 100
    assert Redactor()(text) is text
    assert redactor(["", " \n"])(text) is text


def test_many_secrets_and_a_hostile_text_cost_little() -> None:
    hide = redactor([f"secret-{number:05}-{number * 7919 % 10_007:05}" for number in range(1000)])
    texts = ["a usual line of words and numbers, 12:30 " * 250, "secret-0" * 1250, "A" * 10_000, "-" * 10_000]
    begun = time.process_time()
    for text in texts:
        hide(text)
    assert time.process_time() - begun < 2


# --- over reloads -----------------------------------------------------------------------------------------------------


def secret_config(*secrets: str) -> Config:
    return Config(secrets=frozenset(secrets))


def test_a_replaced_secret_stays_hidden_for_a_day() -> None:
    now = [0.0]
    hide = Redactor(["old-secret-1"], lambda: now[0])
    hide.apply(secret_config("old-secret-1"), secret_config("new-secret-2"))
    assert hide("old-secret-1 new-secret-2") == "*** ***"
    hide.apply(secret_config("new-secret-2"), secret_config("new-secret-2"))
    assert hide("old-secret-1 new-secret-2") == "*** ***"
    now[0] = KEEP_SECONDS + 1
    hide.apply(secret_config("new-secret-2"), secret_config("new-secret-2"))
    assert hide("old-secret-1 new-secret-2") == "old-secret-1 ***"


def test_a_secret_that_comes_back_is_kept_and_old_ones_are_bounded() -> None:
    hide = Redactor()
    hide.apply(secret_config("aaaa-1111"), secret_config("bbbb-2222"))
    hide.apply(secret_config("bbbb-2222"), secret_config("aaaa-1111"))
    assert hide("aaaa-1111 bbbb-2222") == "*** ***"
    for number in range(0, 3 * MOST_OLD, 500):
        many = secret_config(*(f"generation-{number + one}" for one in range(500)))
        hide.apply(many, secret_config())
    assert len(hide._old) == MOST_OLD
    assert hide("generation-2999") == "***"


def test_of_secrets_that_change_with_each_reload_no_former_patterns_are_kept() -> None:
    hide = Redactor()
    for number in range(20):
        hide.apply(secret_config(f"token-{number}/abc"), secret_config())
    assert len(vars(re)["_cache"]) < 10
    assert hide("token-19/abc") == hide("token-0/abc") == "***"


# --- results ----------------------------------------------------------------------------------------------------------


def test_every_text_of_a_result_is_clean() -> None:
    metric = Metric(f"m {TOKEN}", 1.0, f"u{TOKEN}", f"{TOKEN}:", TOKEN, subject=f"s {TOKEN}")
    result = Result(Status.OK, f"sum {TOKEN}", f"s {TOKEN}", f"a\n{TOKEN}\nb", (metric,))
    (shown,) = presentable([result], Redactor([TOKEN]))
    assert TOKEN not in repr(shown)
    assert (shown.summary, shown.details) == ("sum ***", "a\n***\nb")
    assert shown.metrics[0].subject == shown.subject


WORDS = st.lists(
    st.sampled_from(["hush", "8080", TOKEN, TOKEN[:9], TOKEN[3:], "dG9rLTlmOGU3ZDZjNWI0YQ==", "…", "ms", "4:5"])
    | st.sampled_from([" ", "  ", ":", "/", "@", "\n", "\t", "\u200b", "é", "x" * 201]),
    max_size=3,
).map("".join)
METRICS = st.builds(Metric, WORDS, st.just(1.0), WORDS, WORDS, WORDS, subject=WORDS)


@given(st.lists(METRICS, max_size=4))
def test_metrics_that_are_looked_at_together_say_what_each_says_alone(metrics: list[Metric]) -> None:
    scrub = Redactor([TOKEN, "hush", "8080", f"{TOKEN}\n{TOKEN}"])
    (shown,) = presentable([Result(Status.OK, "", metrics=tuple(metrics))], scrub)
    assert list(shown.metrics) == [_metric(metric, scrub) for metric in metrics]


@given(st.integers(0, 40))
def test_secrets_are_taken_out_before_a_text_is_cut(shift: int) -> None:
    summary = "x" * (SUMMARY_LIMIT - 20 + shift) + TOKEN * 50
    details = "y" * (DETAILS_LIMIT - 20 + shift) + TOKEN * 500
    (shown,) = presentable([Result(Status.OK, summary, "", details)], redactor([TOKEN]))
    assert TOKEN[:4] not in shown.summary + shown.details


def test_what_is_put_together_by_cleaning_is_hidden_too() -> None:
    torn = f"{TOKEN[:6]}\x1b[0m\u200b{TOKEN[6:]}"
    (shown,) = presentable([Result(Status.OK, torn, "", torn)], redactor([TOKEN]))
    assert (shown.summary, shown.details) == ("***", "***")


NAMES = st.text("ab\n\t\x1b\u202e\u200b é", max_size=6) | st.sampled_from(
    [TOKEN, f"a{TOKEN}", f"a{TOKEN}b", "a***", "***", "10.0.0.1:8080", "x" * 600, "x" * 601]
)


@example([TOKEN, "other-secret-0"])
@given(st.lists(NAMES, unique=True, max_size=12))
def test_two_subjects_never_become_one_and_each_is_one_line_that_shows(names: list[str]) -> None:
    hide = Redactor([TOKEN, "other-secret-0", "8080"])
    shown = [result.subject for result in presentable([Result(Status.OK, "", name) for name in names], hide)]
    assert len(set(shown)) == len(names)
    assert all(name.isprintable() and len(name) <= 510 for name in shown)
    assert TOKEN not in "".join(shown)


@pytest.mark.parametrize("secret", ["8080", "database", "db.example.com:5432", "10.1.2.3", "/srv/data", "nginx"])
def test_what_may_be_a_name_stays_in_the_name_of_a_subject(secret: str) -> None:
    hide = Redactor([secret])
    (shown,) = presentable([Result(Status.OK, "", f"x {secret} y")], hide)
    assert shown.subject == f"x {secret} y"


def test_memories_keep_their_keys_and_lose_secrets() -> None:
    memory = {TOKEN: 1, "seen": [f"x {TOKEN}", {"deep": TOKEN}], "count": 7, "none": None}
    assert without_secrets(memory, redactor([TOKEN])) == {
        TOKEN: 1,
        "seen": ["x ***", {"deep": "***"}],
        "count": 7,
        "none": None,
    }


@given(st.text(max_size=200), st.text(max_size=2000))
def test_whatever_a_result_says_it_can_be_stored_and_shown(summary: str, details: str) -> None:
    (shown,) = presentable([Result(Status.OK, summary, summary, details)])
    assert msgspec.json.decode(msgspec.json.encode(shown), type=Result) == shown
    kinds = {unicodedata.category(letter) for letter in shown.summary + shown.subject + shown.details.replace("\n", "")}
    assert not kinds & {"Cc", "Cf", "Cs"}


# --- the log ----------------------------------------------------------------------------------------------------------


def logged(message: object, *arguments: object, error: BaseException | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("a.check", logging.ERROR, "f", 1, message, arguments, exc_info)
    assert CleanRecords(redactor([TOKEN])).filter(record)
    return logging.Formatter("%(levelname)s %(name)s: %(message)s").format(record)


def test_secrets_are_in_no_record_whether_in_the_message_its_arguments_or_the_traceback() -> None:
    assert logged("%s: %r", TOKEN, [TOKEN]) == "ERROR a.check: ***: ['***']"
    assert logged("wrong %d", TOKEN) == "ERROR a.check: 'wrong %d' % ('***',)"
    try:
        raise ValueError(f"bad {TOKEN}")
    except ValueError as error:
        text = logged("x", error=error)
    assert TOKEN not in text.replace("{TOKEN}", "")
    assert "ValueError: bad ***" in text


def test_nobody_forges_a_line_of_the_log_or_steers_who_reads_it() -> None:
    text = logged("file %s", "x\r\n12:00:00 ERROR forged\x1b[2J\u202e\x9b1m")
    assert text == "ERROR a.check: file x\n    12:00:00 ERROR forged[2J1m"


# --- answers of destinations ------------------------------------------------------------------------------------------


@given(st.integers(230, 320))
def test_a_key_that_an_answer_echoes_is_hidden_wherever_the_answer_is_cut(before: int) -> None:
    hide = redactor([TOKEN])
    for body in ("x" * before + TOKEN + " rest", json.dumps({"errorCode": "x" * before + TOKEN, "message": TOKEN})):
        answer = plain(classify(401, {}, hide_body(body.encode(), hide)), hide)
        assert TOKEN[:4] not in answer.text


def test_an_answer_steers_no_terminal_and_forges_no_line() -> None:
    body = json.dumps({"errorCode": "bad\x1b[2J\nforged", "traceId": "x\ny\u202e"}).encode()
    answer = plain(classify(400, {}, hide_body(body, str)), str)
    assert (answer.text, answer.trace_id) == ("HTTP 400: bad forged", "x y")


def test_a_text_full_of_blanks_takes_little_time() -> None:
    hide = redactor(["hunter2hunter2"])
    for blanks in (" " * 200_000, "\r" * 200_000, " \n" * 100_000):
        began = time.process_time()
        assert "hunter2" not in hide(f"{blanks}hunter2\n \t\r\n  hunter2")
        assert time.process_time() - began < 3


def test_a_key_as_long_as_a_secrets_file_may_be_is_ready_soon() -> None:
    """A pattern of all of its lines in all of their forms took 20 s and 230 MB, at each start and reload."""
    lines = [hashlib.sha256(bytes([at % 256, at // 256])).hexdigest()[:40] + "+/==" for at in range(1400)]
    began = time.process_time()
    hide = redactor(["\n".join(lines)])
    assert time.process_time() - began < 6
    assert hide(f"line: {lines[700]}, and {lines[3][:12]} more") == f"line: ***, and {lines[3][:12]} more"
    assert hide("\n".join(lines[5:9])) == "***\n***\n***\n***"
