"""Values, patterns, types and settings as other tools and languages write them: the message says how they are here."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.template import problem
from agent.config.types.catalog import Catalog

REAL = Catalog()


def said(folder: Path, text: str) -> list[str]:
    (folder / "a.yaml").write_text(text)
    return [str(one).removeprefix(f"{folder}/a.yaml:") for one in load(folder, REAL, {}).problems]


def of_setting(folder: Path, settings: str) -> str:
    """Return the one message about a check's settings, without its place."""
    (message,) = said(folder, f"checks:\n  x: {{{settings}}}\n")
    return message.partition(" x: ")[2]


PATTERNS = {
    "(?<name>x)": "a name in a pattern is written (?P<name>...)",
    r"\p{L}+": r"write [^\W\d_] for any letter, \w, \d or \s",
    r"\h+": r"write [ \t] for a blank",
    r"\Qa.b\E": "write a backslash before each sign that is meant as itself",
    r"foo\Kbar": "write (?<=...) for what stands before it",
    r"error\z": r"write \Z for the end",
    "error(?i)": "write (?i) as its first letters",
    "(?|a|b)": "write each alternative as a group of its own",
    r"C:\Users": "a backslash that is meant as itself is written twice",
    "(ERROR": r"write \( for a bracket that is meant as itself",
    "ERROR)": r"write \) for a bracket that is meant as itself",
    "[a": r"write \[ for a bracket that is meant as itself",
    "++": r"write \*, \+ or \? for a sign that is meant as itself",
    "/error/i": "write (?i)error, or [/] for a slash that is meant",
    "m/err.r/im": "write (?i)err.r, or [/] for a slash that is meant",
    "=~ /error/": "write error, or [/] for a slash that is meant",
    "$error": r"nothing can follow it: write \$ for the sign",
    "error OR fatal": "a search in words is of other tools: write error|fatal",
    '"disk" OR full OR "no-space"': "write disk|full|no-space",
    "(error OR fatal)": "write error|fatal",
    'error OR "disk full"': "write error|disk full",
    "level=error OR level=fatal": "write level=error|level=fatal",
    "error AND NOT debug": "write a pattern of what is to be found",
    "a OR b AND c": "write a pattern of what is to be found",
    "error AND disk": "write error.*disk",
    "error && disk": "write error.*disk",
    "{{ pattern }}": "a template was not filled in: write what is meant, or [{]{ for braces",
    "{{- .Values.pattern -}}": "a template was not filled in: write what is meant, or [{]{ for braces",
    "%error%": "% around a text is of SQL: write error",
    "a|(error^x)": r"nothing can come before it: write \^ for the sign",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_of_another_language_is_told_how_it_is_written_here(pattern: str, tmp_path: Path) -> None:
    (message,) = said(tmp_path, f"checks:\n  x: {{type: log, path: /a, pattern: '{pattern}'}}\n")
    assert message.startswith("2:37: x: pattern: ")
    assert message.endswith(PATTERNS[pattern])


@pytest.mark.parametrize(
    "pattern",
    [
        "/var/log/i",
        "/error/",
        "GET /a/b/i",
        "(?m)$a",
        "a$|b",
        "[$a^b]",
        r"\$a",
        "(?P<n>x)",
        "x$b?",
        "^^a",
        "/i",
        "dead or alive",
        "{{.*}}",
        "[{]{ pattern }}",
        "1 OR (2)",
        "DEVICE NOT FOUND",
        "(a) OR (b)",
        "50%",
    ],
)
def test_a_pattern_that_means_what_it_says_is_taken(pattern: str, tmp_path: Path) -> None:
    assert said(tmp_path, f"checks:\n  x: {{type: log, path: /a, pattern: '{pattern}'}}\n") == []


VALUES = {
    "type: disk, path: /, warning: 80-90%": "'80-90%' is two values: write 80% as warning, 90% as critical",
    "type: disk, path: /, warning: 80/90": "'80/90' is two values: write 80% as warning, 90% as critical",
    "type: disk, path: /, warning: [90%, 80%]": "a list is two values: write 80% as warning, 90% as critical",
    "type: disk, path: /, free_critical: 5GB-10GB": "is two values: write 10GB as warning, 5GB as critical",
    "type: disk, path: /, free_critical: less than 5GB": "is not understood, write 5GB",
    "type: disk, path: /, free_critical: 5 Go": "is not understood, write 5GB",
    "type: disk, path: /, free_critical: 5 * 1024 MB": "is not understood, write 5120MB",
    "type: disk, path: /, warning: 10% free": "'10% free' is not understood, write 90%",
    "type: memory, available_warning: 90% used": "'90% used' is not understood, write 10%",
    "type: load, interval: 2 1/2 h": "'2 1/2 h' is not understood, write 2.5h",
    "type: load, interval: half an hour": "write 30m",
    "type: load, interval: one minute": "write 1m",
    "type: load, interval: hourly": "write 1h",
    "type: load, interval: '@every 5m'": "write 5m",
    "type: load, interval: 1w2d": "write 9d",
    "type: load, interval: 5 Minuten": "write 5m",
    "type: load, interval: 5分钟": "write 5m",
    "type: load, fail_after: 1_000": "write 1000",
    "type: http, url: [https://a/, https://b/]": "one check asks one URL: write a check for each",
    "type: http, url: https://a/ https://b/": "one check asks one URL: write a check for each",
    "type: http, url: https:/a.example.com": "the host is missing, write https://a.example.com",
    "type: http, url: '<https://a/>'": "only the URL is written: https://a/",
    "type: http, url: '[a](https://a/b)'": "only the URL is written: https://a/b",
    "type: http, url: https://a/, must_contain: x": "unknown setting 'must_contain', write 'contains'",
    "type: partition": "unknown type 'partition', did you mean 'disk'?",
    "type: journal": "unknown type 'journal', did you mean 'log'?",
    "type: log, path: /a, pattern: [error, fatal]": "a list is not a regular expression, write error|fatal",
    "type: disk, path: '/, /var'": "'/, /var' is one path: write several as a list, [/, /var]",
    "type: disk, path: /, inodes: 90%": "unknown setting 'inodes', write 'inodes_warning' or 'inodes_critical'",
    "type: process, name: a, memory: 2GB": "unknown setting 'memory', write 'rss_critical'",
    "type: script, command: [check_x, -H, $HOSTADDRESS$]": "$HOSTADDRESS$ is of another tool, which puts something in "
    "for it: write what it stands for",
    "type: script, command: [/bin/x, '{HOST.CONN}']": "{HOST.CONN} is of another tool, which puts something in "
    "for it: write what it stands for",
    "type: pushed, ttl: 25h, from: backup": "must be a list, not text 'backup': write [backup]",
    "type: pushed": "setting 'ttl' is missing: it must be a time span, write for example 25h",
    "type: snmp": "a Nagios plugin for it is run by `type: script`",
}


@pytest.mark.parametrize("settings", VALUES)
def test_a_value_of_another_tool_is_told_how_it_is_written_here(settings: str, tmp_path: Path) -> None:
    assert of_setting(tmp_path, settings).endswith(VALUES[settings])


FILES = {
    "- type: http\n  url: https://a/\n": "1:1: must be sections such as `checks:`, not a list: write `checks:` above, "
    "and below it each check as `name: {type: disk, ...}`, without the dashes",
    "checks:\n  load:\n": "2:8: load: has no settings: write them below it, indented, or {type: load, ...} behind it",
    "checks:\n  web: type: http\n": "2:12: the settings of 'web' stand below it, each on a line of its own and "
    "indented, or in { }",
    "checks:\n  web {type: load}\n": "2:3: web {type: a colon is missing: write 'web: {'",
    "agent:\n  page: 8741\n": "2:9: agent.page: must be text, not the number 8741: write for example 127.0.0.1:8741",
    "agent:\n  port: 8741\n": "2:3: unknown setting 'agent.port', write 'page' (such as 127.0.0.1:8741)",
    "agent:\n  token: abc\n": "2:3: 'agent.token': stands under `events:` in `agent:`, as `api_key`",
    "agent:\n  log_level: debug\n": "2:3: 'agent.log_level': is no setting: `hostvigil run --verbose` logs more",
    "agent:\n  events: {endpoint: 'https://us1-openapi.truewatch.com', api_key: YOUR_API_KEY}\n": "2:68: "
    "agent.events.api_key: the value of this setting is a placeholder: write the key itself, or "
    "${file:/etc/hostvigil/api_key}",
    "hosts: all\ntasks: []\n": "1:1: this is a file of Ansible: here a check is `name: {type: disk, "
    "...}` under `checks:`",
}


@pytest.mark.parametrize("text", FILES)
def test_a_slip_of_a_newcomer_is_one_message_that_leads_on(text: str, tmp_path: Path) -> None:
    assert said(tmp_path, text) == [FILES[text]]


BODIES = {
    '{"text": "{titel}"}': "{titel} is nothing that is put in: write {title}",
    '{"text": "{{title}}"}': "",
    '{"text": "{{ title }}"}': "{{ title }} is nothing that is put in: write {title}",
    '{"text": "{{ .Title }}"}': "{{ .Title }} is nothing that is put in: write {title}",
    "{title}: {severity} on {HOST}": "{severity} is nothing that is put in: write {status}",
    '{"a": {"text": "{title} {word}"}}': "",
    '{"a":{"b":"{title}"},"c":{date_ms}}': "",
    "{title} {} {0} {tag.env} {anything_else}": "",
}


@pytest.mark.parametrize("body", BODIES)
def test_a_place_of_a_template_by_another_name_is_told(body: str) -> None:
    assert problem(body) == BODIES[body]
