"""Passwords that somebody wrote into a command or an address are known as secrets, and words beside them are not."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.secrets.credentials import in_address, in_command, in_protocol, in_secret_address
from agent.config.types.catalog import Catalog

COMMANDS = {
    "mysql --password=hunter2pw -u root": ["hunter2pw"],
    "mysql -phunter2pw shop": ["hunter2pw"],
    "mysql -p shop": [],
    "sshpass -p hunter2pw ssh h": ["hunter2pw"],
    "curl -u bob:hunter2pw http://h/": ["hunter2pw"],
    "curl -H 'Authorization: Bearer abc.def-1' http://h/": ["abc.def-1"],
    "curl -H 'X-Api-Key: abcdef12' http://h/": ["abcdef12"],
    "curl 'http://h/?api_key=abcdef12&b=1'": ["abcdef12"],
    "pg_dump postgres://bob:hunter2pw@db/shop": ["hunter2pw"],
    "env PGPASSWORD=hunter2pw psql": ["hunter2pw"],
    "sh -c 'PGPASSWORD=hunter2pw psql -c 1'": ["hunter2pw"],
    "openssl rsa -passin pass:hunter2pw": ["hunter2pw"],
    "tool --auth-token abcdef12 --verbose": ["abcdef12"],
    "check_snmp -C hunter2pw -o x": ["hunter2pw"],
    "check_snmp -C public -o x": [],
    "redis-cli -a hunter2pw ping": ["hunter2pw"],
    "tool --password $PASSWORD --token-file /etc/x": [],
    "tool --max-pass=5 --pass 12 --passive yes": [],
    "grep -c password /etc/x": [],
}


@pytest.mark.parametrize("text", COMMANDS)
def test_passwords_in_a_command_are_known_and_other_words_are_not(text: str) -> None:
    assert [*dict.fromkeys(in_command(shlex.split(text)))] == COMMANDS[text]
    assert set(in_command(text)) == set(COMMANDS[text])


def test_what_of_an_address_only_its_owner_knows_is_known() -> None:
    hook = "https://hooks.slack.com/services/T00000000/B00000000/abcDEF123456"
    assert [*in_secret_address(hook)] == ["T00000000", "B00000000", "abcDEF123456"]
    assert [*in_secret_address("https://ntfy.sh/alerts")] == []
    assert [*in_address("http://bob:hunter2pw@proxy:3128")] == ["hunter2pw"]


def test_what_a_protocol_logs_in_by_is_known() -> None:
    assert [*in_protocol("AUTH hunter2pw\r\n")] == ["hunter2pw"]
    assert [*in_protocol("a1 LOGIN bob hunter2pw\r\n")] == ["hunter2pw"]
    assert [*in_protocol("PING\r\n")] == []


def test_they_are_secrets_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "checks.d" / "mine.py").write_text(
        '"""M."""\nfrom agent.api import Check, ok\nclass M(Check):\n    """M."""\n    auth_token: str = ""\n'
        '    keyword: str = ""\n    def run(self, ctx):\n        yield ok("")\n'
    )
    (tmp_path / "a.yaml").write_text(
        f"agent: {{checks_d: '{tmp_path}/checks.d', page_token: /etc/hostvigil/page_token, heartbeat_url: 'https://hc.example/0f9c2a7e-1111-2222'}}\n"
        "checks:\n"
        "  a: {type: script, command: [mysql, --password=hunter1pw]}\n"
        "  b: {type: tcp, address: 'h:1', send: \"AUTH hunter2pw\\r\\n\"}\n"
        "  c: {type: http, url: 'http://h/?token=hunter3pw', proxy: 'http://u:hunter4pw@p:1'}\n"
        "  e: {type: http, url: 'http://h/', proxy: 'u:hunter6pw@p:1'}\n"
        "  d: {type: mine, auth_token: hunter5pw, keyword: alphabet}\n"
    )
    config = load(tmp_path, Catalog(), {})
    assert [one.text for one in config.problems] == [
        one.text for one in config.problems if "/etc/hostvigil" in one.text
    ]
    assert config.secrets == {"0f9c2a7e-1111-2222", *(f"hunter{number}pw" for number in range(1, 7))}


def test_no_message_about_a_command_shows_the_password_in_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("checks: {a: {type: script, command: mysql --password=hunter1pw shop}}\n")
    (problem,) = load(tmp_path, Catalog(), {}).problems
    assert '["mysql", "--password=***", "shop"]' in problem.text
