"""Addresses of destinations: a slip is found when it is read, not by each delivery."""

from __future__ import annotations

import pytest

from agent.config.web_address import host_of


@pytest.mark.parametrize(
    "host",
    [
        "h..x",
        ".h",
        "h;x",
        "h,i",
        "*.x",
        "h\\x",
        "h:0",
        "h:99999",
        "h:https",
        "<region>.example",
        "a|b",
        "(h)",
        "h=x",
        "[::1",
        "192.0.2.256",
        "192.0.2.1.5:8443",
        "010.0.0.1",
    ],
)
def test_a_host_that_can_be_none_is_no_address(host: str) -> None:
    assert host_of(f"https://{host}/a", ("https",)) is None


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("h_x.example.:8443", "h_x.example."),
        ("登.cn", "登.cn"),
        ("192.0.2.1.example", "192.0.2.1.example"),
        ("127.1", "127.1"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("{host}.example", "{host}.example"),
        ("u;x:p,w!@h", "h"),
    ],
)
def test_a_host_may_be_international_an_address_or_hold_a_place(address: str, host: str) -> None:
    assert host_of(f"https://{address}/;,*", ("https",)) == host
