"""An address of the page is a port of the loopback or a socket, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.drop_ins import load
from agent.config.page_address import PageAddress, parse
from agent.config.types.catalog import Catalog


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8741", PageAddress("127.0.0.1", 8741)),
        ("127.9.9.9:1", PageAddress("127.9.9.9", 1)),
        ("localhost:8741", PageAddress("127.0.0.1", 8741)),
        ("[::1]:8741", PageAddress("::1", 8741)),
        ("::1:8741", PageAddress("::1", 8741)),
        ("127.0.0.1:0", PageAddress("127.0.0.1", 0)),
        ("unix:/run/hostvigil/page.sock", PageAddress(path="/run/hostvigil/page.sock")),
    ],
)
def test_an_address_is_a_port_of_the_loopback_or_a_socket(text: str, address: PageAddress) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.0.0.0:8741", "without a password"),
        ("192.0.2.7:8741", "without a password"),
        ("[::]:8741", "without a password"),
        ("[2001:db8::7]:80", "without a password"),
        ("[::ffff:10.0.0.1]:80", "without a password"),
        ("monitor.example.com:80", "is no address"),
        ("8741", "is no address"),
        (":8741", "is no address"),
        ("127.0.0.1", "is no address"),
        ("127.0.0.1:", "is no address"),
        ("127.0.0.1:٨", "is no address"),
        ("127.0.0.1:65536", "beyond 65535"),
        ("127.0.0.1:999999999999", "is no address"),
        ("unix:page.sock", "no whole path"),
        ("unix:/run/", "no whole path"),
        ("unix:/" + "a" * 120, "too long"),
        ("http://127.0.0.1:8741", "is no address"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


@given(text=st.text(max_size=40) | st.from_regex(r"[\[\]0-9a-f:.]{0,30}:[0-9]{0,6}", fullmatch=True))
def test_no_text_leads_beyond_the_loopback(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert found.path.startswith("/") or found.host.startswith("127.") or found.host == "::1"


def test_a_wrong_address_is_a_problem_at_its_place_and_there_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("agent:\n  page: 0.0.0.0:8741\n")
    config = load(tmp_path, Catalog(), {})
    assert config.agent.page == ""
    assert str(config.problems[0]).startswith(f"{tmp_path}/a.yaml:2:9: agent.page: '0.0.0.0:8741' would show")
