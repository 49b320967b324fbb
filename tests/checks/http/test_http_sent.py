"""What is sent, and which headers must come back."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Regex, Status
from checks._network.addresses import Address
from checks.http.addresses import HttpUrl
from checks.http.expectations import HeaderCondition
from tests.stand_ins.http_servers import Visit, http, look, serving


def test_a_body_comes_from_a_file_that_is_read_anew_for_each_run(tmp_path: Path) -> None:
    path = tmp_path / "body"
    with serving() as server:
        for content in (b'{"a": 1}', b"\xff\0binary"):
            path.write_bytes(content)
            assert look(http(server.url, method="POST", body_file=str(path))).status is Status.OK
            assert server.requests[-1].endswith(b"\r\n\r\n" + content)


def test_a_server_that_refuses_before_it_has_read_the_body_is_understood() -> None:
    def refuse(visit: Visit) -> None:
        visit.connection.recv(1000)
        visit.send(b"HTTP/1.1 413 Too long\r\nContent-Length: 0\r\n\r\n")
        visit.connection.shutdown(socket.SHUT_WR)
        while visit.connection.recv(65536):
            pass

    with serving(refuse, greedy=False) as server:
        assert look(http(server.url, method="POST", body="x" * 5_000_000)).summary.startswith("413 in ")
    with serving(lambda visit: visit.reset(), greedy=False) as server:
        result = look(http(server.url, method="POST", body="x" * 5_000_000))
    assert result.summary.startswith(("connection reset by peer: ", "the server closed the connection: "))


def test_a_body_that_cannot_be_read_is_nodata(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(17 * 1024 * 1024)
    for name, said in (
        ("gone", "no such file"),
        ("pipe", "is not a regular file"),
        ("large", "has more than 16 MiB"),
        ("", "is a directory|is not a regular file"),
    ):
        with pytest.raises(CheckError, match=said):
            look(http("http://127.0.0.1:9/", body_file=str(tmp_path / name)))


@pytest.mark.parametrize(
    ("wanted", "header", "said"),
    [
        ("^HIT", "X-Cache: HIT", ""),
        ("^HIT", "X-Cache: MISS", "header x-cache does not match '^HIT'"),
        ("^HIT", "Y: z", "no header x-cache"),
        ({"optional": "^HIT"}, "X-Cache: HIT", ""),
        ({"optional": "^HIT"}, "X-Cache: MISS", "header x-cache does not match '^HIT'"),
        ({"optional": "^HIT"}, "Y: z", ""),
        ({"not_matches": "MISS"}, "X-Cache: HIT", ""),
        ({"not_matches": "MISS"}, "X-Cache: MISS", "header x-cache matches 'MISS'"),
        ({"not_matches": "MISS"}, "X-Cache: a\r\nX-Cache: MISS", "header x-cache matches 'MISS'"),
        ({"not_matches": "MISS"}, "Y: z", ""),
        ({"optional": "H", "not_matches": "MISS"}, "X-Cache: HIT", ""),
    ],
)
def test_a_header_must_match_may_be_missing_or_must_not_match(wanted: Any, header: str, said: str) -> None:
    with serving(f"HTTP/1.1 200 OK\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode()) as server:
        result = look(http(server.url, response_headers={"x-cache": HeaderCondition.parse(wanted)}))
    assert result.summary.startswith(f"{said}, 200 in" if said else "200 in")


@pytest.mark.parametrize("wrong", [{}, {"matches": "x"}, {"optional": "("}, ["x"], 5, {"not_matches": None}])
def test_a_header_condition_that_is_none_says_what_to_write(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"optional and not_matches|regular expression|is not text"):
        HeaderCondition.parse(wrong)


def test_conditions_are_equal_where_their_patterns_are() -> None:
    one, same, other = ({"optional": "a"}, {"optional": "a"}, {"not_matches": "a"})
    assert HeaderCondition.parse(one) == HeaderCondition.parse(same)
    assert HeaderCondition.parse(one) != HeaderCondition.parse(other)
    assert HeaderCondition.parse("a") == HeaderCondition(Regex("a"))


@pytest.mark.parametrize("text", ["fe80::1", "[fe80::1]:22", "http://[fe80::1]:3000/", "FE80::abcd"])
def test_an_address_of_one_interface_needs_that_interface(text: str) -> None:
    kind = HttpUrl if text.startswith("http") else Address
    with pytest.raises(ValueError, match=r"of one interface only, write which one, as in fe80::\w+%eth0$"):
        kind.parse(text)


@pytest.mark.parametrize("text", ["::1%lo", "[2001:db8::1%eth0]:22", "http://[fd00::1%25eth0]/"])
def test_an_address_of_any_network_needs_no_interface(text: str) -> None:
    kind = HttpUrl if text.startswith("http") else Address
    with pytest.raises(ValueError, match=r"(\S+) needs no interface, write \1$"):
        kind.parse(text)


@pytest.mark.parametrize("text", ["fe80::1%lo", "ff02::1%eth0", "::1%1"])
def test_an_interface_is_taken_where_the_kernel_takes_it(text: str) -> None:
    assert Address.parse(text).host == text
