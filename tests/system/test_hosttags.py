from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.config.settings import AgentSettings, Config
from agent.config.tags import custom_tags
from agent.system import host_tags as hosttags
from agent.system.host_tags import (
    LOOK_AGAIN_SECONDS,
    LOOK_SECONDS,
    HostTags,
    host_tags,
    own_address,
    own_id,
    own_name,
    release_name,
)
from tests.host import needs


def test_this_host_is_described() -> None:
    tags = host_tags()
    assert {"host", "os", "arch"} <= tags.keys() <= {"host", "host_id", "host_ip", "os", "os_version", "arch"}
    assert tags["os"] in ("linux", "darwin")
    assert tags == host_tags(), "steady"
    assert custom_tags(tags, {}) == tags, "all of it is what the API takes"


def test_the_configured_name_wins() -> None:
    assert host_tags("shop-1")["host"] == "shop-1"


def test_the_kernels_name_is_kept_as_it_is(tmp_path: Path) -> None:
    assert own_name("Web-1.example.com", tmp_path / "none") == "Web-1.example.com"
    assert own_name("web-1.example.com.", tmp_path / "none") == "web-1.example.com"


@pytest.mark.parametrize("name", ["", "localhost", "localhost.localdomain", "(none)", "LOCALHOST", "localhost."])
def test_a_nameless_host_is_named_by_its_machine_id_which_itself_stays_here(name: str, tmp_path: Path) -> None:
    file = tmp_path / "machine-id"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    first = own_name(name, file)
    assert first == own_name(name, file)
    assert first.startswith("host-")
    assert len(first) == 13
    assert first.removeprefix("host-") not in file.read_text()
    file.write_text("fedcba9876543210fedcba9876543210\n")
    assert own_name(name, file) != first


def test_two_hosts_of_one_name_are_told_apart_by_an_id_that_gives_nothing_away(tmp_path: Path) -> None:
    ids = []
    for number, text in enumerate(("0123456789abcdef0123456789abcdef\n", "fedcba9876543210fedcba9876543210\n")):
        file = tmp_path / str(number)
        file.write_text(text)
        ids.append(own_id(file))
        assert ids[-1] == own_id(file)
        assert re.fullmatch("[0-9a-f]{16}", ids[-1])
        assert ids[-1] not in text
    assert ids[0] != ids[1]
    (tmp_path / "new").write_text("uninitialized\n")
    assert [own_id(tmp_path / name) for name in ("new", "none")] == ["", ""]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_host_without_name_and_machine_id_is_still_called_something(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "machine-id").write_bytes(content)
    assert own_name("", tmp_path / "machine-id") == "localhost"


def test_the_address_is_one_of_this_hosts_own() -> None:
    address = own_address()
    if address:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.bind((address, 0))
            assert sock.getsockname()[0] == address


def test_a_host_without_a_network_has_no_address() -> None:
    script = (
        "from agent.system.host_tags import own_address, host_tags;print(repr(own_address()), 'host_ip' in host_tags())"
    )
    run = subprocess.run([*needs.unshare("--net"), sys.executable, "-c", script], capture_output=True, text=True)
    assert run.stdout == "'' False\n", run.stderr


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n', "debian 12"),
        ("ID='ubuntu'\nVERSION_ID='24.04'\n", "ubuntu 24.04"),
        ("ID=arch\n", "arch"),
        ("# nothing\n\n===\n", ""),
    ],
)
def test_the_release_is_read(text: str, name: str) -> None:
    assert release_name(text) == name


def test_finding_out_about_the_host_takes_nothing_heavy() -> None:
    script = (
        "import sys, agent.system.host_tags as h; h.host_tags(); assert not {'psutil', 'platform'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert hosttags.ARCHITECTURES["aarch64"] == "arm64"


def test_what_changes_while_the_agent_runs_is_seen_within_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, address = 100.0, ""
    monkeypatch.setattr(hosttags, "own_address", lambda: address)
    tags = HostTags(monotonic=lambda: now)
    assert "host_ip" not in tags(), "the network is not up yet"
    now, address = now + LOOK_AGAIN_SECONDS, "192.0.2.7"
    assert tags()["host_ip"] == "192.0.2.7", "an address that comes after the start is there at once"
    now, address = now + LOOK_SECONDS / 2, "192.0.2.8"
    assert tags()["host_ip"] == "192.0.2.7", "not looked up for each event"
    now += LOOK_SECONDS / 2
    assert tags()["host_ip"] == "192.0.2.8"


def test_a_configured_name_that_changes_is_there_at_once() -> None:
    tags = HostTags("old")
    assert tags()["host"] == "old"
    tags.apply(Config(), Config(AgentSettings(hostname="new")))
    assert tags()["host"] == "new"
