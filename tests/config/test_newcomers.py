"""What people write in their first hour: each mistake is told at its place, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.config.drop_ins import load
from agent.config.located_yaml.look_alikes import PLAIN, hints
from agent.config.types.catalog import Catalog
from agent.plugin.units import Duration, Percent, Regex, Size, spelling
from tests.examples import TIMES, examples

REAL = Catalog()


def said(folder: Path, text: str) -> list[str]:
    (folder / "a.yaml").write_text(text)
    return [str(problem).removeprefix(f"{folder}/") for problem in load(folder, REAL, {}).problems]


# --- where things stand


def http(*lines: str) -> str:
    return "\n".join(
        ("checks:", "  web:", "    type: http", "    url: http://a", *(f"    {line}" for line in lines), "")
    )


MISTAKES = {
    "a check without checks": (
        "web:\n  type: http\n",
        "1:1: a check stands under `checks:`: write that line above 'web', and indent 'web' and all below it",
    ),
    "a check without a name": (
        "type: http\nurl: http://a\n",
        "1:1: 'type' is a setting of a check: a check has a name, and is `name: {type: disk, ...}` under `checks:`",
    ),
    "settings beside their check": (
        "checks:\n  web:\n  type: http\n",
        "3:3: web: 'type' is a setting, not a check: indent it further than the name of its check",
    ),
    "a setting of the agent": (
        "events: {endpoint: 'https://a'}\n",
        "1:1: 'events' stands under `agent:`: write that line above it, and indent it",
    ),
    "a setting of checks": (
        "interval: 30s\n",
        "1:1: 'interval' is a setting of a check: a check has a name, and is `name: {type: disk, ...}` under `checks:`",
    ),
    "where to tell": (
        "slack: {url: 'https://a'}\n",
        "1:1: unknown section 'slack', write 'destinations' under `agent:`",
    ),
    "TOML": (
        "# my checks\n[checks.web]\ntype = 'http'\n",
        "`[checks.web]` is the form of TOML and INI files, not YAML",
    ),
    "a merge": ("<<<<<<< HEAD\nchecks:\n=======\n", "`<<<<<<<` is left from a merge that is not done: keep one side"),
    "Markdown": ("```yaml\nchecks:\n```\n", "1:1: ``` is of Markdown: remove this line"),
    "a wildcard": (http("body_file: *.json"), "5:16: a value cannot begin with '*', put quotes around it"),
    "an ampersand": (http("contains: &nbsp;"), "5:15: a value cannot begin with '&', put quotes around it"),
    "a question mark": (http("contains: ? yes"), "5:15: a value cannot begin with '?', put quotes around it"),
    "a comma": (http("contains: , yes"), "5:15: a value cannot begin with ',', put quotes around it"),
    "a number sign": (
        http("contains: #yes"),
        "5:14: web: contains: has no value: write one (in quotes where it begins",
    ),
    "a quote in quotes": (
        http("contains: 'it's up'"),
        "5:19: the text in quotes ends before this: put quotes around all of it, and write ' inside it as ''",
    ),
    "JSON's quotes": (
        http('contains: "status":"up"'),
        '5:23: the text in quotes ends before this: put quotes around all of it, and write " inside it as \\"',
    ),
    "JSON as text": (
        http('contains: {"a": 1}'),
        "5:15: web: contains: must be text, not a mapping: text that begins with",
    ),
    "a folder of Windows": (http(r'body_file: "C:\Users\me"'), "a backslash means something in double quotes"),
    "half an escape": (http(r'contains: "\xZZ"'), "a backslash means something in double quotes"),
    "headers as a list": (
        http("headers: [a]"),
        "5:14: web: headers: must be a mapping: write `name: value` lines under it",
    ),
    "headers as text": (http("headers: 'A: b'"), "5:14: web: headers: must be a mapping: write `name: value` lines"),
    "a header's number": (http("headers: {A: 1}"), "5:18: web: headers.A: must be text: put quotes around it"),
    "a kind of statuses": (http("expect_status: 2xx"), "is not an HTTP status, write 200-299"),
    "statuses as text": (http("expect_status: '200, 201'"), "is not an HTTP status, write [200, 201]"),
    "days of a certificate": (
        "checks: {c: {type: certificate, address: a, warning: 30}}",
        "c: warning: 30 has no unit, write 30s, 30m, 30h or 30d",
    ),
    "cron as an interval": (http("interval: '*/5 * * * *'"), "is a cron line, which only the setting cron takes"),
    "a URL as an address": (
        "checks: {c: {type: tcp, address: 'tcp://db:5432'}}",
        "c: address: 'tcp://db:5432' is not an address, write db:5432",
    ),
    "a port as dnsmasq writes it": ("checks: {c: {type: tcp, address: 'db#5432'}}", "is not an address, write db:5432"),
    "a port by name": ("checks: {c: {type: tcp, address: 'db:ssh'}}", "write a port from 1 to 65535 behind the colon"),
    "IPv6 without brackets": (
        "checks: {c: {type: tcp, address: '2001:db8::1:22'}}",
        "c: address: [2001:db8::1:22] has no port, write for example [2001:db8::1]:22",
    ),
    "a line end in single quotes": (
        r"checks: {c: {type: tcp, address: 'a:1', send: 'PING\r\n'}}",
        r"c: send: ends with the letters \r\n, not with a line end: write it in double quotes",
    ),
    "addresses as text": (
        "checks: {c: {type: dns, name: a.b, expect: '192.0.2.1, 192.0.2.2'}}",
        "c: expect: '192.0.2.1, 192.0.2.2' is no A value, write a list, [192.0.2.1, 192.0.2.2]",
    ),
    "a class of grep": (http("matches: '[[:digit:]]+'"), r"is refused: [:digit:] is of grep, in [ ] write \d here"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_at_its_place_with_what_to_write(mistake: str, tmp_path: Path) -> None:
    text, wanted = MISTAKES[mistake]
    told = said(tmp_path, text)
    assert any(wanted in one for one in told), told
    assert all(one.startswith("a.yaml:") for one in told)


# --- how amounts are written


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        *((Duration, text, "1m") for text in ("1 minute", "1min", "1 Min", "60sec ", "PT1M", "1M")),
        *((Duration, text, "90m") for text in ("1h30m", "1h 30min", "1 hour and 30 minutes", "PT1H30M", "90 mins")),
        *((Duration, text, "7d") for text in ("1w", "1 week", "7days", "P7D")),
        *((Duration, text, "1.5s") for text in ("1,5s", "1.5 sec", "1.50 Second")),
        *((Size, text, "10GB") for text in ("10gb", "10 Gb")),
        *((Size, text, "10GiB") for text in ("10G", "10g", "10 gib", "10Gi")),
        *((Percent, text, "80%") for text in ("80 percent", "80pct")),
        (Percent, 0.8, "80% or 0.8%"),
        (Percent, 80, "80%"),
        *((Duration, zero, "0s") for zero in (0, "0", 0.0)),
        *((Size, 0, "0B"), (Percent, "0", "0%")),
        (Size, 5, "5B, 5MiB or 5GiB"),
        (Duration, 0.5, "0.5s, 0.5m, 0.5h or 0.5d"),
        *((Duration, text, "for example 30s") for text in ("", "s", "1:99", "soon", "-5s", "5 apples", "P", "1e3", -5)),
    ],
)
def test_an_amount_in_other_words_is_told_in_ours(kind: type[Duration], written: str | float, meant: str) -> None:
    if meant == "1m" and written == "60sec ":
        meant = "60s"
    with pytest.raises(ValueError, match=f", write {meant}$"):
        kind.parse(written)


@given(st.text("0123456789.,: PTpt+-smhdwkgibMin%", max_size=12), st.sampled_from([Duration, Size, Percent]))
@example("0:0", Duration)
@examples(300)
def test_what_is_told_instead_can_be_written(text: str, kind: type[Duration | Size | Percent]) -> None:
    words = {Duration: spelling.TIMES, Size: spelling.SIZES, Percent: spelling.PERCENT}[kind]
    if meant := spelling.suggest(text, words):
        choices = meant.split(" or ")
        assert len(set(choices)) == len(choices)
        assert all(float(kind.parse(choice)) >= 0 for choice in choices)


# --- letters that look like others

BASE = """checks:
  web:
    type: http
    url: http://a
    expect_status: [200, 204-206]
    interval: 30s
    tags: {env: prod}
    depends_on:
      - net
  net: {type: ping, host: a}
"""


SEEN = [letter for letter, plain in PLAIN.items() if plain and plain in BASE and not plain.isalpha()]


@pytest.mark.parametrize("letter", SEEN, ids=ascii)
def test_a_letter_that_looks_like_another_is_named_wherever_it_breaks_something(letter: str, tmp_path: Path) -> None:
    places = [at for at, plain in enumerate(BASE) if plain == PLAIN[letter]]
    for at in places:
        told = said(tmp_path, BASE[:at] + letter + BASE[at + 1 :])
        line = BASE.count("\n", 0, at) + 1
        far = [one for one in told if int(one.split(":")[1]) > line + 1 and not letter.isspace()]
        assert told == far or any(f"U+{ord(letter):04X}" in one for one in told), (at, told)


UNSEEN = [letter for letter, plain in PLAIN.items() if not plain]


@pytest.mark.parametrize("letter", UNSEEN, ids=ascii)
def test_a_letter_that_nobody_sees_is_named_wherever_it_breaks_something(letter: str, tmp_path: Path) -> None:
    # In each run each letter has its share of the places, in `make torture` each.
    first, step = (0, 1) if TIMES > 1 else (UNSEEN.index(letter), len(UNSEEN))
    for at in range(1 + first, len(BASE), step):
        told = said(tmp_path, BASE[:at] + letter + BASE[at:])
        assert not told or any(f"U+{ord(letter):04X}" in one for one in told), (at, told)


def test_letters_in_quotes_and_comments_are_what_they_are() -> None:
    assert hints("a: \"x“y\" # „\nb: 'it''s – '\n# ：\nc: x#：\n") == {4: hints("c: x#：\n")[1]}


@given(st.text("a\"'#\\: ：“\n\r", max_size=40))
@examples(60)
def test_any_text_has_hints_on_lines_that_it_has(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + text.count("\r") + 1 for line in hints(text))


@pytest.mark.parametrize("text", [r"\<err\>", r"a\\\<", "%{LOGLEVEL}", "%{IP:client:x}", "error\n", "a|b\n", "\n"])
def test_a_pattern_of_grep_or_grok_or_with_a_line_end_of_yaml_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is refused: .*write "):
        Regex.parse(text)


@pytest.mark.parametrize("text", ["<b>", r"\\<x", "%{x}", "100%{2}", r"error\n", "(?x) a \n", "(?ix) a\n  b\n", "a\nb"])
def test_what_only_looks_like_those_is_not(text: str) -> None:
    assert str(Regex.parse(text)) == text


def test_a_set_of_grep_is_refused_and_its_letters_are_not() -> None:
    for pattern in (r"\[:digit:\]", "[[:foo:]]", "[:a]"):
        assert Regex.parse(pattern).pattern_text == pattern
    for pattern in ("[[:alpha:]_]", "[^[:space:]]", "[:upper:]", "a[[:^digit:]]"):
        with pytest.raises(ValueError, match="is of grep"):
            Regex.parse(pattern)
