"""Odd heads of answers to a delivery: what the service has taken is told to it once, whatever its head looks like."""

from __future__ import annotations

import gzip
import io
import socket
import zlib
from contextlib import ExitStack
from http.client import HTTPException
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.settings import EventsSettings
from agent.delivery.answer import Verdict
from agent.delivery.sinks import wire
from agent.delivery.sinks.heads import read_head
from agent.delivery.sinks.truewatch.api import Api
from agent.delivery.sinks.wire import connect_seconds
from tests.stand_ins.api import answer
from tests.stand_ins.http_servers import Visit, serving

TAKEN = answer(200)
OK = b"HTTP/1.1 200 OK\r\n"
SIZED = b"Content-Length: %d\r\n\r\n" % len(TAKEN) + TAKEN
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(TAKEN), TAKEN)
HEADS = {
    "early hints before it": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + SIZED,
    "other informational answers": b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\nX: y\r\n\r\n" + OK + CHUNKED,
    "120 headers, as outlook.office365.com": OK + b"".join(b"X-%d: y\r\n" % one for one in range(120)) + SIZED,
    "a header of 90 KB": OK + b"X: " + b"y" * 90_000 + b"\r\n" + SIZED,
    "a line without a colon": OK + b"nonsense\r\n" + CHUNKED,
    "a name with a blank": OK + b"My Param: None\r\n" + CHUNKED,
    "a folded line": OK + b"X: y\r\n Content-Length: 3\r\n" + SIZED,
    "a blank before the colon": OK + b"Content-Length" + b" " + SIZED[len(b"Content-Length") :],
    "line ends of one letter": (OK + SIZED).replace(b"\r\n", b"\n"),
    "an empty line before it": b"\r\n" + OK + SIZED,
    "HTTP/2 in plain text": b"HTTP/2 200\r\n" + SIZED,
}


def post(url: str, **settings: Any) -> tuple[Verdict, str]:
    found = Api(EventsSettings(url, "key-123456", **{"timeout": 5, **settings})).post(b"{}")
    return found.verdict, found.text


@pytest.mark.parametrize("name", HEADS)
def test_an_odd_head_is_no_reason_to_tell_it_again(name: str) -> None:
    def talk(visit: Visit) -> None:
        visit.send(HEADS[name])
        visit.hang()

    with serving(talk) as server:
        assert post(server.url) == (Verdict.DELIVERED, "HTTP 200")


RAW_DEFLATE = zlib.compress(TAKEN)[2:-4]
PACKED = gzip.compress(TAKEN)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Encoding: deflate\r\n", RAW_DEFLATE),
        (b"Content-Encoding: deflate\r\n", TAKEN),
        (b"Content-Encoding: gzip, identity\r\n", PACKED),
        (b"Content-Encoding: identity\r\nContent-Encoding: X-GZIP\r\n", PACKED),
        (b"Content-Encoding: gzip, gzip\r\n", gzip.compress(PACKED)),
        (b"Content-Encoding: gzip\r\n", gzip.compress(TAKEN[:9]) + gzip.compress(TAKEN[9:]) + b"\0" * 9),
        (b"Transfer-Encoding: gzip, Chunked\r\n", PACKED),
        (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", PACKED),
    ],
)
def test_a_packing_that_nobody_asked_for_is_no_reason_to_tell_it_again(head: bytes, body: bytes) -> None:
    if b"Transfer" in head:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with serving(OK + head + b"\r\n" + body) as server:
        assert post(server.url) == (Verdict.DELIVERED, "HTTP 200")


def test_a_proxy_brings_the_same() -> None:
    with serving(HEADS["early hints before it"]) as proxy:
        assert post("http://api.example", proxy=proxy.url) == (Verdict.DELIVERED, "HTTP 200")
        assert proxy.requests[0].startswith(b"POST http://api.example/api/v1/events/create ")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"SSH-2.0-x\r\n", "does not speak HTTP/1.1"),
        (b"POST /key-123456\r\n", "does not speak HTTP/1.1"),
        (b"\x15\x03\x01\0\x02\x02\x46\n", "speaks TLS: write https://"),
        (b"", "closed the connection without an answer"),
        (b"HTTP/1.1 100 C\r\n\r\n" * 200, "more than 100 informational answers"),
        (OK + b"X: y\r\n" * 100_000, "headers of more than 512 KiB"),
    ],
)
def test_what_is_no_answer_is_told_as_what_it_is(said: bytes, words: str) -> None:
    def talk(visit: Visit) -> None:
        visit.send(said)
        if said:
            visit.hang()

    with serving(talk) as server:
        verdict, text = post(server.url)
    assert verdict is Verdict.UNAVAILABLE
    assert words in text
    assert "key-1" not in text


@given(st.binary(max_size=300), st.sampled_from([b"", OK, b"HTTP/1.1 103 E\r\n\r\n" + OK]))
def test_whatever_comes_is_a_head_or_an_error_of_http(data: bytes, begin: bytes) -> None:
    try:
        head = read_head(io.BytesIO(begin + data))
    except HTTPException:
        return
    assert head.startswith(b"HTTP/1.1 ")
    assert head.endswith(b"\r\n\r\n")
    assert all(b":" in line for line in head.split(b"\r\n")[1:-2])


def test_an_answer_without_a_body_is_waited_for_no_longer_whatever_it_announces() -> None:
    head = read_head(io.BytesIO(b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"))
    assert head == b"HTTP/1.1 204 -\r\ncontent-length: 0\r\n\r\n"


def test_what_the_answer_asks_for_is_read_behind_odd_lines() -> None:
    head = read_head(io.BytesIO(b"HTTP/1.0 503 No\r\nodd\r\nRETRY-AFTER : 7\r\nRetry-After: 9\r\nX: y\r\n\r\nbody"))
    assert head == b"HTTP/1.1 503 -\r\nretry-after: 7\r\n\r\n"


def test_a_proxy_that_speaks_no_tls_is_told_in_words() -> None:
    with serving(b"HTTP/1.1 400 Bad Request\r\n\r\n", greedy=False) as proxy:
        found = post("http://api.example", proxy=proxy.url.replace("http:", "https:"))
    assert found == (Verdict.UNAVAILABLE, "what answers does not speak TLS")


def test_an_address_that_leads_nowhere_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """As IPv6 behind a firewall that drops it: each try would spend all its time there, and IPv4 never had a turn."""
    real = socket.getaddrinfo

    def two(host: str, *more: Any) -> list[Any]:
        return [one for address in ("127.0.0.2", "127.0.0.1") for one in real(address, *more)]

    with (
        serving(OK + SIZED) as server,
        socket.create_server(("127.0.0.2", server.port), backlog=0),
        ExitStack() as stack,
    ):
        for _ in range(3):  # nobody accepts, so the kernel drops what else comes
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", server.port))
        monkeypatch.setattr(socket, "getaddrinfo", two)
        monkeypatch.setattr(wire, "LEAST_CONNECT", 0.1)
        assert post(f"http://api.example:{server.port}", timeout=2) == (Verdict.DELIVERED, "HTTP 200")


@pytest.mark.parametrize(("timeout", "seconds"), [(1, 1), (3, 3), (5, 3), (15, 3.75), (600, 150)])
def test_an_address_has_a_quarter_of_the_time_and_what_lost_packets_need(timeout: float, seconds: float) -> None:
    assert connect_seconds(timeout) == seconds
