"""Proxies that give no way, and servers that speak something else."""

from __future__ import annotations

import pytest

from agent.api import CheckError, Size, Status
from checks.http.addresses import ProxyUrl
from checks.http.expectations import HeaderCondition
from tests.stand_ins.http_servers import Visit, http, look, serving

# Proxies


PROXY_SAYS = {
    b"403 Forbidden": "gives no way to shop.invalid:443: it answered 403",
    b"407 Who": "refuses us: write user and password into its URL",
    b"500 Oops": "it answered 500",
    b"503 Busy": "it answered 503",
    b"302 Login": "it answered 302",
}


@pytest.mark.parametrize("status", PROXY_SAYS)
def test_a_proxy_that_gives_no_way_says_nothing_about_the_server(status: bytes) -> None:
    with serving(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n") as proxy:
        way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(CheckError, match=PROXY_SAYS[status]):
            look(http("https://shop.invalid/", proxy=way))


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_a_proxy_that_breaks_off_says_nothing_about_the_server(said: bytes) -> None:
    with serving(said) as proxy:
        way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(CheckError, match=r"the server closed the connection|not an HTTP answer"):
            look(http("https://shop.invalid/", proxy=way))


def test_a_proxy_that_speaks_tls_is_not_told_to_be_asked_by_https() -> None:
    with serving(b"\x15\x03\x03\0\x02\x02\x46") as server, pytest.raises(CheckError) as caught:
        look(http("https://shop.example/", proxy=ProxyUrl.parse(f"http://127.0.0.1:{server.port}")))
    assert "what answers speaks TLS: asking the proxy" in str(caught.value)
    assert "write https" not in str(caught.value)


def test_a_proxy_that_wants_a_password_for_plain_http_says_nothing_about_the_server() -> None:
    with serving(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n") as proxy:
        way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(CheckError, match="refuses us: write user and password into its URL"):
            look(http("http://shop.invalid/", proxy=way))


# Who else speaks there


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0", "the server speaks HTTP/2 only, which is not spoken here"),
        (b"\x15\x03\x03\0\x02\x02\x46", "what answers speaks TLS: reading the headers; write https://"),
        (b"", "the server closed the connection: waiting for the headers"),
    ],
)
def test_what_is_not_http_1_is_called_by_its_name(said: bytes, words: str) -> None:
    with serving(said) as server:
        result = look(http(server.url))
    assert (result.status, result.summary.startswith(words)) == (Status.CRITICAL, True)
    assert bool(said) or result.summary.endswith("; perhaps it speaks HTTP/2 only, or TLS: https://")


def test_a_body_that_never_ends_is_critical_and_its_headers_alone_are_an_answer() -> None:
    def stream(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        visit.hang()

    with serving(stream) as server:
        result = look(http(server.url), 0.3)
        assert result.status is Status.CRITICAL
        assert result.summary.startswith("no answer within 300ms: reading the body")
        assert result.summary.endswith("; where it never ends, set body_limit: 0B")
        headers = {"content-type": HeaderCondition.parse("event-stream")}
        result = look(http(server.url, body_limit=Size(0), response_headers=headers), 5.0)
        assert (result.status, "cut" in result.details) == (Status.OK, False)
