"""Settings of the way to a server that contradict each other, in each type that has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.drop_ins import load
from agent.config.types.catalog import Catalog
from checks._network.connection import way_problems


@pytest.mark.parametrize(
    ("host", "ip_version", "source", "settings"),
    [
        *(("db.example.com", 6, "", []), ("db.example.com", 4, "192.0.2.7", []), ("localhost", 6, "::1", [])),
        *(("192.0.2.1", None, "192.0.2.7", []), ("::1", 6, "::1", []), ("fe80::1%eth0", None, "fe80::2", [])),
        *(("192.0.2.1", 6, "", ["ip_version"]), ("::1", 4, "", ["ip_version"])),
        *(("192.0.2.1", None, "::1", ["source"]), ("::1", None, "192.0.2.7", ["source"])),
        *(("db.example.com", 6, "192.0.2.7", ["source"]), ("db.example.com", None, "eth0", ["source"])),
        ("192.0.2.1", 6, "::1", ["ip_version", "source"]),
    ],
)
def test_what_no_connection_can_have_is_named(
    host: str, ip_version: int | None, source: str, settings: list[str]
) -> None:
    assert [name for name, _ in way_problems(host, ip_version, source)] == settings


FIRST_STOPS = (
    "{type: tcp, address: '127.0.0.1:22', source: '::1'}",
    "{type: udp, address: '[::1]:22', send: x, ip_version: 4}",
    "{type: udp, address: 'a:22', send: '" + "x" * 65_508 + "'}",
    "{type: ping, host: 127.0.0.1, source: '::1'}",
    "{type: dns, name: a.example, server: 127.0.0.1, source: '::1'}",
    "{type: certificate, address: '[::1]', ip_version: 4}",
    "{type: http, url: 'http://127.0.0.1/', ip_version: 6}",
    "{type: http, url: 'http://a/', connect_to: '[::1]', ip_version: 4}",
    "{type: http, url: 'http://a/', proxy: '127.0.0.1:80', ip_version: 6}",
)


@pytest.mark.parametrize("check", FIRST_STOPS)
def test_it_is_the_first_stop_that_counts(check: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"checks: {{a: {check}}}\n")
    assert len(load(tmp_path, Catalog(), {}).problems) == 1


def test_beyond_a_proxy_or_a_socket_nothing_is_looked_up(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "checks:\n"
        "  a: {type: http, url: 'http://127.0.0.1/', proxy: '[::1]:80', ip_version: 6}\n"
        "  b: {type: http, url: 'http://127.0.0.1/', unix_socket: /s, ip_version: 6}\n"
    )
    assert load(tmp_path, Catalog(), {}).problems == ()
