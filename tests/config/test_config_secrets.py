"""What is a secret shows nowhere, what is none is told as it is: files always, variables by their name or mark."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from agent.config.drop_ins import load
from agent.config.files.content import regular_file
from agent.config.files.patience import THREADS
from agent.config.located_yaml.parser import parse
from agent.config.secrets.secrecy import is_secret, names_a_secret, secret_values
from agent.config.settings import Config
from agent.config.types.catalog import Catalog
from agent.system.redactor import redactor
from tests.config.drop_ins import GOOD, problems, written

ENVIRON = {
    "PORT": "1",
    "SVC": "database",
    "N": "2",
    "DB_PASSWORD": "hunter22",
    "API_TOKEN": "t0ken-22",
    "X": "x-value-22",
    "DATABASE_URL": "postgres://u:pw-22@h/d",
}


def loaded(folder: Path, text: str) -> Config:
    (folder / "a.yaml").write_text(text)
    (folder / "file").write_text("from-file-22\n")
    return load(folder, Catalog(), ENVIRON)


@pytest.mark.parametrize(
    ("check", "secrets"),
    [
        ("{type: tcp, address: '127.0.0.1:${env:PORT}'}", set()),
        ("{type: process, name: '${env:SVC}'}", set()),
        ("{type: load, tags: {role: '${env:SVC}'}, description: 'of ${env:SVC}'}", set()),
        ("{type: script, command: [x, '${env:SVC}', '-p${env:DB_PASSWORD}']}", {"hunter22"}),
        ("{type: script, command: [x, '${file:file}']}", {"from-file-22"}),
        ("{type: tcp, address: 'a:1', send: '${env:X!secret}'}", {"x-value-22"}),
        ("{type: tcp, address: 'a:1', send: '${env:API_TOKEN!plain}'}", set()),
        ("{type: script, command: [x], stdin: '${env:X}'}", {"x-value-22"}),
        ("{type: script, command: [x], stdin: 'plain text'}", set()),
        ("{type: script, command: [x], env: {ROLE: '${env:SVC}', PGPASSWORD: '${env:X}'}}", {"x-value-22"}),
        ("{type: script, command: [x], env: {ROLE: some, PGPASSWORD: literal-22}}", {"literal-22"}),
        ("{type: http, url: 'http://a/', bearer_token: literal-22}", {"literal-22"}),
        ("{type: http, url: 'http://a/', user: u, password: 'a${env:X}'}", {"x-value-22", "ax-value-22"}),
        ("{type: http, url: 'http://a/', headers: {X-Api-Key: literal-22, Accept: text/html}}", {"literal-22"}),
        ("{type: http, url: 'http://a/', body: ping}", set()),
        ("{type: script, command: [x], env: {DSN: 'pg://u:pw%2B22@h:5/d', B: 'h:5/a@b'}}", {"pw%2B22", "pw+22"}),
        (
            "{type: script, command: [x], env: {CONN: 'Server=h;Pwd=pw-22;Timeout=5', A: 'tokens=9;secret=true'}}",
            {"pw-22"},
        ),
        ("{type: script, command: [x], env: {A: 'host=h password = ''pw-22'' sslmode=on'}}", {"pw-22"}),
        ("{type: http, url: 'http://a/', headers: {X-A: 'a; access_key=pw-22'}}", {"pw-22"}),
        ('{type: http, url: \'http://a/\', body: \'{"user": "u", "password": "pw-22"}\'}', {"pw-22"}),
        ("{type: script, command: [x, '${env:DATABASE_URL}']}", {"pw-22"}),
        ("{type: script, command: [x, '${env:DATABASE_URL!plain}']}", set()),
        ("{type: script, command: [x], stdin: 'PASSWORD=$(cat /run/x); TOKEN=$X'}", set()),
    ],
)
def test_what_is_hidden_is_what_is_secret(check: str, secrets: set[str], tmp_path: Path) -> None:
    config = loaded(tmp_path, f"checks:\n  c: {check}\n")
    assert problems(config, tmp_path) == []
    assert config.secrets == secrets


@pytest.mark.parametrize(
    "content",
    [
        '{"type": "account", "private_key": "-----BEGIN KEY-----\\nMIIEvQIBADANBgkq\\nhkiG9w0BAQEF\\n"}',
        "HOST=db1\nDB_PASSWORD=MIIEvQIBADANBgkq\nAPI_TOKEN='hkiG9w0BAQEF'\n",
        '[client]\nuser = root\npassword = "MIIEvQIBADANBgkq"\nsecret: hkiG9w0BAQEF\n',
        '{"clientSecret": "MIIEvQIBADANBgkq", "accessToken":"hkiG9w0BAQEF", "expires": 9}',
        "postgres://root:MIIEvQIBADANBgkq@db1/x?access_key=hkiG9w0BAQEF&type=account",
    ],
)
def test_what_a_file_of_several_secrets_says_is_hidden_each_by_itself(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("checks:\n  c: {type: script, command: [x, '${file:secrets}']}\n")
    (tmp_path / "secrets").write_text(content)
    hide = redactor(load(tmp_path, Catalog(), {}).secrets)
    text = "db1: root may not use MIIEvQIBADANBgkq, type account, nor hkiG9w0BAQEF"
    assert hide(text) == "db1: root may not use ***, type account, nor ***"


def test_the_agents_own_secrets_are_found_however_they_are_written(tmp_path: Path) -> None:
    text = "agent: {{events: {{endpoint: 'https://a.b', api_key: {}}}}}\nchecks: {{a: {{type: load}}}}\n"
    assert loaded(tmp_path, text.format("plain-key")).secrets == {"plain-key"}
    assert loaded(tmp_path, text.format("'${env:X}'")).secrets == {"x-value-22"}
    assert loaded(tmp_path, text.format("'${file:file}'")).secrets == {"from-file-22"}


def test_secrets_of_other_destinations_are_found_and_not_quoted(tmp_path: Path) -> None:
    text = "agent: {{destinations: {{chat: {{type: webhook, url: {}, headers: {{Authorization: {}, A: b}}}}}}}}\n"
    config = loaded(tmp_path, text.format("'https://hooks.example/${env:X}'", "literal-22") + GOOD)
    assert config.secrets == {"x-value-22", "literal-22"}
    config = loaded(tmp_path, text.format("[hunter22]", "[hunter22]") + GOOD)
    assert config.problems
    assert "hunter22" not in str(config.problems)


def test_a_mark_that_is_none_is_a_problem(tmp_path: Path) -> None:
    config = loaded(tmp_path, "checks:\n  c: {type: load, description: '${env:X!hidden}'}\n")
    assert "is not understood" in config.problems[0].text


SAY_SECRET = ["PASSWORD", "db_passwd", "MY_PWD", "apikey", "Authorization", "X-Token", "Cookie"]
SAY_IT_TOO = [
    "AUTHORISATION",
    "AUTHTOKEN",
    "KEYPASS",
    "PASSPHRASE",
    "SSHKEY2",
    "CREDS",
    "AUTHOR_TOKEN",
    "KEYCLOAK_PASSWORD",
]
SAY_NOTHING = ["PORT", "PWD", "HOME", "SERVICE", "Accept", "Host", "ROLE", "DC"]
OTHER_WORDS = [
    "AUTHOR",
    "AUTHORITY",
    "DB_KEYSPACE",
    "KEYBOARD",
    "KEYCLOAK_URL",
    "PASSENGER_APP_ENV",
    "COMPASS",
    "CREDIT",
]
ABOUT = ["AUTH_SERVICE_HOST", "AUTH_SERVICE_PORT_HTTP", "AUTH_PORT_80_TCP_ADDR", "DB_PASSWORD_FILE", "SSH_AUTH_SOCK"]


@pytest.mark.parametrize("name", [*SAY_SECRET, *SAY_IT_TOO])
def test_names_that_say_secret(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize("name", [*SAY_NOTHING, *OTHER_WORDS, *ABOUT])
def test_names_that_do_not(name: str) -> None:
    assert not names_a_secret(name)


class Inner(msgspec.Struct):
    token: Annotated[str, Meta(extra={"secret": True})] = ""
    url: str = ""


class Outer(msgspec.Struct):
    one: Inner | None = None
    many: Annotated[dict[str, Inner], Meta(description="d")] = {}


def test_marked_settings_are_found_in_sections_and_in_mappings_of_sections() -> None:
    tree = parse(b"one: {token: a-1, url: b}\nmany: {x: {token: c-1}, y: {url: d}, z: 5}\nno: {token: e}\n", "f")
    assert set(secret_values(Outer, tree.value)) == {"a-1", "c-1"}
    assert is_secret(Inner, "token")
    assert not is_secret(Inner, "url")


@pytest.mark.parametrize(
    "line",
    [
        "agent: {events: {endpoint: 'https://u:hunter22@a.b', api_key: k}}",
        "agent: {events: {endpoint: 'https://a.b', api_key: 'hunter22 hunter22'}}",
        "agent: {events: {endpoint: 'https://a.b', api_key: k, proxy: 'hunter22'}}",
        "checks: {x: {type: http, url: 'http://a/', bearer_token: 4711422}}",
        "checks: {x: {type: http, url: 'http://a/', user: u, password: [hunter22]}}",
        "checks: {x: {type: http, url: 'http://a/', headers: hunter22}}",
        "checks: {x: {type: http, url: 'http://a/', headers: {A: [hunter22]}}}",
        "checks: {x: {type: script, command: [x], env: {A: 4711422}}}",
        "checks: {x: {type: script, command: [x], stdin: 4711422}}",
        "checks: {x: {type: tcp, address: 'ftp://u:hunter22@a'}}",
    ],
)
def test_no_problem_quotes_what_is_a_secret_by_its_nature(line: str, tmp_path: Path) -> None:
    config = loaded(tmp_path, line)
    assert config.problems
    assert not any(secret in str(config.problems) for secret in ("hunter22", "4711422"))


def test_a_good_check_beside_it_is_unharmed(tmp_path: Path) -> None:
    assert set(written(tmp_path, GOOD).checks) == {"good"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("headers: {X Y: literal-22}", "'X Y' is no header that can be sent"),
        ("headers: {Content-Length: literal-22}", "Content-Length is set by the agent"),
        ("bearer_token: literal-22, user: u", "cannot be sent together with user"),
        ("bearer_token: cannot be sent, user: u", "(why might quote it)"),
    ],
)
def test_what_is_wrong_with_a_secret_setting_is_said_where_it_does_not_quote_it(
    line: str, said: str, tmp_path: Path
) -> None:
    (problem,) = loaded(tmp_path, f"checks:\n  c: {{type: http, url: 'http://a/', {line}}}\n").problems
    assert said in problem.text
    assert "literal-22" not in problem.text


def test_a_file_on_a_mount_that_hangs_is_a_problem_at_its_place_and_has_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, begun, before = threading.Event(), [], THREADS.late_answers

    def as_on_a_dead_mount(path: Path, most: int) -> bytes:
        if path.name.startswith("dead"):
            begun.append(path.name)
            free.wait(60)
        return regular_file(path, most)

    monkeypatch.setattr("agent.config.secrets.references.regular_file", as_on_a_dead_mount)
    for name in ("dead-1", "dead-2"):
        (tmp_path / name).write_text("secret-22")
    text = "checks:\n" + "".join(
        f"  {name}: {{type: script, command: [x, '${{file:{name}}}']}}\n" for name in ("dead-1", "file", "dead-2")
    )
    for _ in range(3):
        config = loaded(tmp_path, text)
        assert list(config.checks) == ["file"]
        found = problems(config, tmp_path)
        assert [problem.partition(" ")[0] for problem in found] == ["a.yaml:2:39:", "a.yaml:4:39:"]
        assert all("cannot be read in time: does its disk or mount hang?" in problem for problem in found)
        assert not [source for source in config.sources if "dead" in source], "nor is it watched: that would hang"
    assert sorted(begun) == ["dead-1", "dead-2"]
    free.set()
    until = time.monotonic() + 60
    while THREADS.late_answers < before + 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    config = loaded(tmp_path, text)
    assert problems(config, tmp_path) == []
    assert config.secrets == {"secret-22", "from-file-22"}
