"""What is shipped for a relay is right: its sample is read, and nats-server takes its configuration."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

import pytest
import trustme
import yaml

from agent.api import Duration
from agent.cli.options import parser
from agent.config.sections.values import Rate
from agent.fleet.enrolment import ACCOUNTS, enrol
from agent.fleet.settings import RelayConfigError, read
from tests.host import needs

FOLDER = Path(__file__).parent.parent.parent / "packaging" / "relay"
DOCUMENT = FOLDER.parent.parent / "docs" / "fleet.md"


def relay_yaml(text: str, folder: Path) -> Path:
    for number in (1, 2):
        (folder / f"key-{number}").write_text(f"ak_{number}\n")
    (folder / "relay.yaml").write_text(text.replace("${file:/etc/hostvigil/", f"${{file:{folder}/"))
    return folder / "relay.yaml"


def test_the_sample_and_the_document_are_read(tmp_path: Path) -> None:
    documented = re.findall(r"```yaml\n(relay:.*?)```", DOCUMENT.read_text(), re.S)
    assert documented
    for text in [(FOLDER / "relay.yaml.sample").read_text(), *documented]:
        settings, secrets = read(relay_yaml(text, tmp_path), {})
        assert settings.events.api_keys == ("ak_1", "ak_2") and secrets == {"ak_1", "ak_2"}
        assert (settings.lease, settings.replicas, settings.events.rate_limit) == (Duration(5), 3, Rate(20))


GOOD = "relay: {broker: 'nats://127.0.0.1:4222', state: s, events: {endpoint: 'https://x.example', api_keys: [k]}}"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("relay:", "relais:", "write a section `relay:`"),
        ("[k]}}", "[k]}}\nlease: 5s", ":2:1: 'lease' stands under `relay:`: indent it"),
        ("[k]}}", "[k]}}\nchecks: {}", ":2:1: unknown section 'checks': all settings stand under `relay:`"),
        ("[k]}}", "[k]}}\nrelay: {}", ":2:1: 'relay' is written twice, first at "),
        ("nats://", "http://", "is not an address, write for example nats://"),
        ("https://", "http://", "would send the key unencrypted"),
        ("[k]", "[]", "must be a list of keys"),
        ("[k]", "[k, j, k]", "names a key twice"),
        ("[k]", "[k, 'a b']", "relay.events.api_keys.1: must be one word"),
        ("[k]", "[k], timeout: 0s", "relay.events.timeout: must be between 1s and 10m"),
        ("[k]", "[k], timeout: 1h", "relay.events.timeout: '1h' must be between 1s and 10m"),
        ("[k]", "[k], proxy: x, rate: 1", "unknown setting 'relay.events.rate'"),
        ("[k]", "[k], proxy: x, rate: 1", "relay.events.proxy: 'x' is not an address"),
        ("state: s", "state: s, page: '0.0.0.0:80'", "would show this host to the network"),
        ("state: s", "state: s, credentials: SUAMLK2ZNL", "relay.credentials: must be the whole path of a file"),
        ("[k]", "[k], client_cert: /c, client_key: '-----BEGIN X'", "relay.events.client_key: must be the path"),
        ("state: s", "state: s, depends_on: [{select: 'a,b', on: a/b}]", "',' means nothing in it"),
        ("state: s", "stat: s", "state"),
        ("state: s", "state: s, lease: 0s", "must be between 1s and 5m"),
        ("{broker", "{{broker", "relay.yaml:1"),
        (
            "state: s",
            "state: s, depends_on: [{select: 'site=', on: a/b}]",
            ":1:74: relay.depends_on.0.select: 'site='",
        ),
        ("state: s", "state: s, depends_on: [{select: x, on: a/}]", "'a/' is no HOST/CHECK and no HOST"),
        ("state: s", "state: s, depends_on: [{select: x, on: [a, a]}]", "is named twice"),
        ("state: s", "state: s, depends_on: [{select: x, on: {}}]", "needs one of {any: [names]} and {all: [names]}"),
        ("state: s", "state: s, depends_on: [{select: x, on: a, wait: 1h}]", "must be between 0s and 10m"),
        ("state: s", "state: s, depends_on: [{select: x}]", "'relay.depends_on.0.on' is missing"),
        ("state: s", "state: s, maintenance: {duration: 1h}", "relay.maintenance: needs one of `cron"),
    ],
)
def test_each_mistake_is_named_at_its_place(tmp_path: Path, before: str, after: str, said: str) -> None:
    path = tmp_path / "relay.yaml"
    path.write_text(GOOD)
    read(path, {})
    path.write_text(GOOD.replace(before, after))
    with pytest.raises(RelayConfigError, match=re.escape(said)):
        read(path, {})


def test_nats_server_takes_the_configuration(tmp_path: Path) -> None:
    command = needs.command("nats-server", "nats-server")
    enrol("web-1.example.com", tmp_path / "state")
    authority = trustme.CA()
    certificate = authority.issue_cert("nats-1.example.com")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    (tmp_path / ACCOUNTS).write_text((tmp_path / "state" / "enrolled" / ACCOUNTS).read_text())
    shipped = (FOLDER / "nats-server.conf").read_text().replace("/etc/nats", str(tmp_path))
    (tmp_path / "nats-server.conf").write_text(shipped.replace("/var/lib/nats", str(tmp_path)))
    done = subprocess.run([command, "-t", "-c", tmp_path / "nats-server.conf"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_unit_starts_the_command_that_there_is() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(FOLDER / "hostvigil-relay.service")
    program, *words = unit["Service"]["ExecStart"].split()
    assert program == "/opt/hostvigil/bin/hostvigil"
    assert parser().parse_args(words).command == "relay"


def test_the_compose_file_starts_what_the_relays_need() -> None:
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    assert set(services["relay-a"]["depends_on"]) == {"nats-1", "nats-2", "nats-3"}
    for name in services["relay-a"]["depends_on"]:
        assert services[name]["command"].endswith(f"--name {name}")
