"""Habits of other tools, each a whole drop-in: every message at its place, and what it says to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog

REAL = Catalog()

SECTION = "is a section of its own: write `{0}:` as far left as `checks:`"
HABITS = {
    "type: load, ^timeout_seconds: 5": "write 'timeout' (with its unit, as in 30s)",
    "type: load, ^periodSeconds: 5": "write 'interval' (with its unit, as in 30s)",
    "type: load, ^intervalMs: 500": "write 'interval' (with its unit, as in 500ms)",
    "type: load, ^checkInterval: 5": "write 'interval' (such as 30s)",
    "type: file, path: /a, ^min_size: 5MB": "write 'size_critical' (too big from 1GiB, too small below 1MiB:)",
    "type: disk, path: /, ^warning_percent: 80": "write 'warning' (with its unit, as in 80%)",
    "type: disk, path: /, ^min_free_gb: 5": "write 'free_critical' (with its unit, as in 10GB)",
    "type: disk, path: /, ^threshold: 80": "write 'critical'",
    "type: memory, ^threshold: 80%": "write available_critical, swap_critical or oom_kills_critical",
    "type: memory, ^used_warning: 90%": "write 'available_warning' (what is available, such as 20%)",
    "type: http, url: 'http://a', ^port: 80": "write 'url' (https://host:port/path)",
    "type: http, url: 'http://a', ^ssl: true": "write 'url' (https://host:port/path)",
    "type: http, url: 'http://a', ^basic_auth: {username: a, password: b}": (
        "write what it holds (user, password) in its place"
    ),
    "type: http, url: 'http://a', ^cert_expiry_days: 14": "write 'certificate_warning' (with its unit, as in 14d)",
    "type: ping, host: ^[a, b]": "host: one check asks one address: write a check for each",
    "type: ping, host: ^010.0.0.1": "host: 010.0.0.1 is no IPv4 address: write 10.0.0.1, without zeros before it",
    "type: tcp, address: ^'10.0.0.256:22'": "address: 10.0.0.256 is no IPv4 address: it has four numbers from 0 to 255",
    "type: http, url: ^'http://10.0.0.256/'": "url: 10.0.0.256 is no IPv4 address: it has four numbers from 0 to 255",
    "type: http, url: ^'https://010.0.0.1/'": "010.0.0.1 is no IPv4 address: write 10.0.0.1, without zeros before it",
    "type: udp, send: x, address: ^'1.2.3.4.5:53'": "1.2.3.4.5 is no IPv4 address: it has four numbers from 0 to 255",
    "type: script, command: [/bin/true], umask: ^0o22": "umask: '0o22' is not written so, write for example 077",
    "type: docker, running: ^true": "running: must be text or a list, not true: write for example db",
    "type: process, name: a, min: ^1.0": "min: must be a whole number, not the number 1.0: write 1",
    "type: load, tags: {^5: x}": 'tags: a key must be text: write "5"',
    "type: load, depends_on: ^'n, m'": "depends_on: 'n, m' is no check: several are a list, [n, m]",
    "type: load, depends_on: ^'n*'": "depends_on: 'n*' is no check: names are written out here, without wildcards",
    "type: load, fail_after: {^unknown: 3}": "write 'nodata'",
    "type: file, path: /a, of: ^latest": "write newest",
    "type: file, path: /a, expect: ^true": "not true: write present",
    "type: file, path: /a, expect: ^missing": "not text 'missing': write absent",
    "type: systemd, unit: a, state: ^running": "not text 'running': write active",
    "type: file, expect: absent, path: ^'/a,/b'": "write a check for each, or a list where one is taken",
    "type: log, pattern: x, path: ^'/a /b'": "write a check for each, or a list where one is taken",
    "type: load, ^tags.env: prod": "a dot is no level here: write tags: and below it, indented, env: ...",
    "type: http, url: 'http://a', password: ^!env PW": "write ${file:/etc/hostvigil/...} or ${env:NAME}",
    "type: load, tags: ^!include t.yaml": "and not needed: each *.yaml of this directory is read",
    "type: script, command: ^['/bin/x -w 5']": 'holds several words in one item: write ["/bin/x", "-w", "5"]',
    "type: http, url: 'http://a', headers: ^{Content-Length: '5', A: e}": "is set by the agent, leave it out",
    "type: load, ^owner: ops": "write 'tags' (such as {team: ops})",
    "type: ^diskio": "unknown type 'diskio', did you mean 'pressure'?",
    "type: ^HTTPCheck": "unknown type 'HTTPCheck', did you mean 'http'?",
    "type: ^ssl_certificate": "did you mean 'certificate'?",
    "type: pushed, ttl: ^0s": "ttl: 0s is over at once: write the longest time between two results, for example 25h",
    "type: pushed, ttl: 1h, max_run: ^0s": (
        "max_run: 0s is over at once: write the longest time of a run, for example 3h, or null for none"
    ),
}
"""The place is marked by ^."""


@pytest.mark.parametrize("settings", HABITS)
def test_a_habit_of_another_tool_is_told_in_our_words(settings: str, tmp_path: Path) -> None:
    text = f"checks: {{x: {{{settings}}}}}\n"
    (tmp_path / "a.yaml").write_text(text.replace("^", ""))
    (problem,) = load(tmp_path, REAL, {}).problems
    assert problem.place.column == text.index("^") + 1
    assert problem.text.endswith(HABITS[settings])


HOOKS = {
    "proxy: none": "names no proxy: leave the line out for none",
    "proxy: '*'": "is not an address, write for example http://proxy.example.com:3128",
    "min_severity: critical": "are not chosen here, leave it out",
    "channel: '#ops'": "goes into `body`, as the service wants it",
    "retries: 3": "is not needed: each event is tried until it is taken",
    "template: x": "write 'body'",
}


@pytest.mark.parametrize("setting", HOOKS)
def test_a_setting_of_another_tools_webhook_is_told_where_it_belongs(setting: str, tmp_path: Path) -> None:
    hook = "agent: {destinations: {ops: {type: webhook, url: 'https://x', " + setting + "}}}\n"
    (tmp_path / "a.yaml").write_text(f"{hook}checks: {{a: {{type: load}}}}\n")
    (problem,) = load(tmp_path, REAL, {}).problems
    assert problem.place.column - 1 in (hook.index(setting), hook.index(setting) + len("proxy: "))
    assert problem.text.endswith(HOOKS[setting])


FILES = {
    "defaults: {http: {timeout: 5s}}\nchecks: {a: {type: load}}\n": "only checks that have them take them",
    "include: [b.yaml]\n": "'include' is not needed: each *.yaml of this directory is read, leave it out",
    "agent.hostname: x\n": "a dot is no level here: write agent: and below it, indented, hostname: ...",
    "@@ -1,3 +1 @@\n-checks:\n+checks:\n": "a patch, not YAML: apply it with `patch`, and leave it elsewhere",
}


@pytest.mark.parametrize("text", FILES)
def test_a_file_in_the_form_of_another_program_is_told_in_its_first_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    (problem,) = load(tmp_path, REAL, {}).problems
    assert (problem.place.line, problem.place.column) == (1, 12 if "defaults" in text else 1)
    assert problem.text.endswith(FILES[text])


@pytest.mark.parametrize("name", ["agent", "defaults"])
def test_a_section_among_the_checks_is_told_where_it_belongs(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"checks:\n  a: {{type: load}}\n  {name}: {{tags: {{a: b}}}}\n")
    assert [str(one) for one in load(tmp_path, REAL, {}).problems] == [
        f"{tmp_path}/a.yaml:3:3: {name}: {SECTION.format(name)}"
    ]


@pytest.mark.parametrize("host", ["us1-console.truewatch.com", "console.guance.com", "openway.guance.com"])
def test_an_address_of_the_platform_that_is_not_the_api_is_told(host: str, tmp_path: Path) -> None:
    events = f"agent: {{events: {{endpoint: 'https://{host}', api_key: k}}}}\n"
    (tmp_path / "a.yaml").write_text(f"{events}checks: {{a: {{type: load}}}}\n")
    (problem,) = load(tmp_path, REAL, {}).problems
    assert problem.text.endswith(
        "is not the address of the API: write the region's own, such as https://us1-openapi.truewatch.com"
    )
