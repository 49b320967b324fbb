"""Hints: what other tools call it leads to our word, a slip of the hand to what was meant; none beats a wrong one."""

from __future__ import annotations

import io
import random
import re
import tokenize
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import pytest

from agent.config.drop_ins import load
from agent.config.schema import working
from agent.config.sections.agent import AgentSection, EventsSettings, Window, fields
from agent.config.sections.check import COMMON, Counts
from agent.config.sections.destination import WebhookSettings
from agent.config.types.catalog import Catalog
from agent.config.types.check_class import CatalogError
from agent.config.words import foreign
from agent.config.words.names import nearest, unknown
from agent.config.words.wording import members_of

KINDS = working(Catalog())


def said(check: str, folder: Path) -> str:
    (folder / "a.yaml").write_text(f"checks:\n  x: {check}\n")
    return "\n".join(problem.text for problem in load(folder, Catalog(), {}).problems)


@pytest.mark.parametrize(
    ("check", "meant"),
    [
        ("{type: memory, warning: 80%}", "write available_warning, swap_warning or oom_kills_warning"),
        ("{type: memory, used: 80%}", "write 'available_warning' (what is available, such as 20%)"),
        ("{type: ping, host: a, target: b}", "write 'host'"),
        ("{type: tcp, host: a, port: 80}", "unknown setting 'host', write 'address' (host:port)"),
        ("{type: tcp, host: a, port: 80}", "unknown setting 'port', write 'address' (host:port)"),
        ("{type: file, path: /a, max_age: 1d}", "write 'age_critical' (such as 26h)"),
        ("{type: process, process: nginx}", "write 'name'"),
        ("{type: certificate, host: a, days: 30}", "unknown setting 'host', write 'address' (host:port)"),
        ("{type: certificate, host: a, days: 30}", "unknown setting 'days', write 'warning'"),
        ("{type: http, uri: 'http://a'}", "write 'url'"),
        ("{type: certificate, path: /a.pem}", "write 'file'"),
        ("{kind: http, url: 'http://a'}", "unknown setting 'kind', write 'type'"),
        ("{Type: http, url: 'http://a'}", "unknown setting 'Type', did you mean 'type'"),
        ("{type: script, path: /a}", "write 'command'"),
        ("{type: dns, host: a.b}", "write 'name'"),
        ("{type: dns, name: a, nameserver: b}", "write 'server'"),
        ("{type: script, cmd: [a]}", "write 'command'"),
        ("{type: systemd, service: a}", "write 'unit'"),
        ("{type: disk, frequency: 5m}", "write 'interval' (such as 30s)"),
        ("{type: load, labels: {a: b}}", "write 'tags'"),
        ("{type: disk, zzz: 1}", "write one of path, mounts"),
        ("{type: load, enabledd: false}", "did you mean 'enabled'?"),
        ("{type: systemd, name: a}", "write 'unit'"),
        ("{type: docker, name: a}", "write 'running'"),
        ("{type: file, path: /a, exists: true}", "write 'expect'"),
        ("{type: http, url: 'http://a', digest: true}", "write 'auth'"),
        ("{type: http, url: 'http://a', insecure: true}", "write 'verify' (false: any certificate)"),
        ("{type: http, url: 'http://a', follow_redirects: false}", "write 'redirects' (0: none)"),
        ("{type: http, url: 'http://a', ignoreTls: true}", "write 'verify' (false: any certificate)"),
        ("{type: http, url: 'http://a', maxredirects: 3}", "write 'redirects' (0: none)"),
        ("{type: http, url: 'http://a', days_warning: 14}", "write 'certificate_warning' (such as 14d)"),
        ("{type: http, url: 'http://a', invertKeyword: down}", "write 'not_matches'"),
        ("{type: http, url: 'http://a', preferred_ip_protocol: ip4}", "write 'ip_version' (4 or 6)"),
        ("{type: http, url: 'http://a', fail_if_not_ssl: true}", "write 'require_tls'"),
        ("{type: http, url: 'http://a', no_proxy: b}", "write 'proxy' (unless set there is none)"),
        ("{type: http, url: 'http://a', sni: b}", "write 'server_name'"),
        ("{type: tcp, address: 'a:1', interface: eth0}", "write 'source'"),
        ("{type: redis, host: a}", "did you mean 'tcp'?"),
        ("{type: script, command: a -b c}", 'without a shell write ["a", "-b", "c"]'),
        ("{type: filesystem}", "did you mean 'disk'?"),
        ("{type: check_http}", "did you mean 'http'?"),
        ("{type: service}", "did you mean 'systemd'?"),
        ("{type: cpu}", "did you mean 'load'?"),
        ("{type: zzz}", "write one of: certificate, clock"),
    ],
)
def test_a_word_of_another_tool_or_none_leads_to_ours(check: str, meant: str, tmp_path: Path) -> None:
    assert meant in said(check, tmp_path)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        ("{type: memory, warning: 80%}", "did you mean"),
        ("{type: load, warning: 5}", "did you mean"),
        ("{type: ping, host: a, target: b}", "tags"),
        ("{type: load, port: 5}", "did you mean"),
        ("{type: disk, days: 5}", "did you mean"),
    ],
)
def test_no_hint_is_a_wrong_one(check: str, wrong: str, tmp_path: Path) -> None:
    assert wrong not in said(check, tmp_path)


def test_what_is_meant_is_a_setting_or_type_that_there_is() -> None:
    known = {*COMMON, *(name for kind in KINDS.values() for name in fields(kind))}
    known |= {*fields(AgentSection), *fields(WebhookSettings), "endpoint", "api_key", "rate_limit"}
    known |= {*fields(Window), *fields(Counts), *fields(EventsSettings)}
    assert set(foreign._SETTINGS) <= known
    assert set(foreign._NOTES) <= set(foreign._SETTINGS)
    assert set(foreign._TYPES) <= set(KINDS)


def test_every_slip_of_one_letter_is_understood() -> None:
    dice = random.Random(1)
    for kind in KINDS.values():
        known = [*fields(kind), *COMMON]
        for name in (one for one in known if len(one) >= 6):
            at = dice.randrange(1, len(name) - 1)
            for slip in (
                name[:at] + name[at + 1 :],
                name[:at] + name[at] + name[at:],
                name[:at] + "x" + name[at + 1 :],
            ):
                assert nearest(slip, known), f"{slip} for {name}"


def test_the_names_are_listed_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("something: 1\n")
    (problem,) = load(tmp_path, Catalog(), {}).problems
    assert problem.text.count("defaults") == 1


def test_an_unknown_type_with_no_neighbour_lists_all() -> None:
    with pytest.raises(CatalogError, match="write one of: certificate, clock"):
        Catalog().get("zzz")


@pytest.mark.parametrize("command", ["a | b", "a > /x", "a && b", "a; b", "a $HOME", "a *.log", "a `b`", "a & b"])
def test_what_only_a_shell_understands_is_not_advised_as_a_list(command: str, tmp_path: Path) -> None:
    text = said(f"{{type: script, command: '{command}'}}", tmp_path)
    assert "as one text needs `shell: true`" in text
    assert "without a shell" not in text


def slips(name: str) -> list[str]:
    """Return every slip of one letter: left out, doubled, other, exchanged with the next."""
    found = {name[:at] + name[at + 1 :] for at in range(len(name))}
    found |= {name[:at] + name[at] + name[at:] for at in range(len(name))}
    found |= {name[:at] + "z" + name[at + 1 :] for at in range(len(name))}
    found |= {name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1)}
    return sorted(found - {name})


REQUIRED = [(kind, name) for kind in KINDS for name, field in fields(KINDS[kind]).items() if field.required]


def test_a_slip_in_a_setting_that_must_be_there_is_one_problem_at_its_place_that_names_both(tmp_path: Path) -> None:
    assert {("http", "url"), ("script", "command"), ("dns", "name")} <= {*REQUIRED}
    for kind, name in [*REQUIRED, ("load", "type")]:
        other = {*fields(KINDS[kind]), *COMMON}
        for slip in (slip for slip in slips(name) if len(slip) > 2 and slip not in other):
            rest = f"type: {kind}" if name != "type" else "interval: 1m"
            (tmp_path / "a.yaml").write_text(f"checks:\n  x:\n    {rest}\n    {slip}: {kind}\n")
            found = [str(one) for one in load(tmp_path, Catalog(), {}).problems if f"'{name}'" in str(one)]
            hinted = [one for one in found if f"'{slip}'" in one and "which is missing" in one]
            # A slip may be nearer to another setting: then that is the hint, and the missing one is told beside it.
            assert hinted == found or nearest(slip, other) != name, (kind, slip, found)
            assert all(one.startswith(f"{tmp_path}/a.yaml:4:5: ") for one in hinted)
            assert hinted or nearest(slip, other) not in ("", name), (kind, slip, found)


def test_the_rest_of_a_check_is_judged_though_its_type_is_misspelt(tmp_path: Path) -> None:
    found = said("{tpye: http, ulr: 'http://a', intervall: 5s}", tmp_path)
    assert "'tpye', did you mean 'type', which is missing?" in found
    assert "'ulr', did you mean 'url', which is missing?" in found
    assert "did you mean 'interval'?" in found
    assert "must be" not in found


def test_a_slip_in_a_destination_is_told_in_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("agent: {destinations: {ops: {typ: webhook, ulr: 'http://a/'}}}\nchecks: {}\n")
    found = "\n".join(problem.text for problem in load(tmp_path, Catalog(), {}).problems)
    assert found.count("which is missing") == 2
    assert "is missing:" not in found


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("expect: ok", "accepted"),
        ("contains: ok", "accepted"),
        ("token: a", "headers"),
        ("user: a", "headers"),
        ("verify: false", "ca_file"),
    ],
)
def test_settings_of_a_webhook_are_understood_by_other_names(written: str, meant: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        f"agent: {{destinations: {{ops: {{type: webhook, url: 'http://a/', {written}}}}}}}\n"
    )
    found = "\n".join(problem.text for problem in load(tmp_path, Catalog(), {}).problems)
    assert f"write '{meant}'" in found


def test_somebodys_annotation_that_cannot_be_hashed_is_passed_over() -> None:
    assert members_of(Annotated[int | None, ["theirs"]]) == (int, type(None))


def test_no_two_words_of_other_tools_have_run_together() -> None:
    tokens = list(tokenize.generate_tokens(io.StringIO(Path(foreign.__file__).read_text()).readline))
    strings = [token for token in tokens if token.type not in (tokenize.NL, tokenize.COMMENT)]
    for one, two in pairwise(strings):
        if one.type == two.type == tokenize.STRING:
            assert one.string.endswith(' "') or two.string.startswith('" '), f"{one.string} {two.string}"


@pytest.mark.parametrize("name", ["crit", "critical_threshold"])
def test_another_word_for_a_level_leads_to_it(name: str) -> None:
    assert foreign.setting(name, ["warning", "critical"]) == "critical"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "periodSeconds": lambda name: re.sub("_([a-z])", lambda letter: letter[1].upper(), name),
    "PeriodSeconds": lambda name: name.title().replace("_", ""),
    "period-seconds": lambda name: name.replace("_", "-"),
    "PERIOD_SECONDS": str.upper,
    "period seconds": lambda name: name.replace("_", " "),
    "periodseconds": lambda name: name.replace("_", ""),
    "periods": lambda name: f"{name}s",
    "rss_crit": lambda name: name.replace("_critical", "_crit").replace("_warning", "_warn"),
    "rss_error": lambda name: name.replace("_critical", "_error"),
    "crit_rss": lambda name: re.sub("^(.+)_(warn|crit)(?:ing|ical)$", r"\2_\1", name),
    "rss_critical_threshold": lambda name: re.sub("_(warning|critical)$", r"_\1_threshold", name),
    "period_seconds": lambda name: f"{name}_seconds",
}
"""A setting as others would spell it. No hint is better than one to another setting."""
ALL = {name: [*fields(kind), *COMMON] for name, kind in KINDS.items()}
ALL |= {"agent": [*fields(AgentSection)], "events": [*fields(EventsSettings)], "webhook": [*fields(WebhookSettings)]}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_setting_leads_to_another(spelling: str) -> None:
    for of, names in ALL.items():
        for name in names:
            typed = SPELLINGS[spelling](name)
            if typed not in names:
                assert f"'{name}'" in unknown(typed, typed, names), (of, typed)
