"""What goes along a redirect, to the same server and to another one, and what is said of one that is not followed."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.api import Result, Status
from checks._network.addresses import Address
from checks._network.progress import Progress
from checks.http.addresses import HttpUrl, ProxyUrl
from checks.http.exchange import Answer
from checks.http.expectations import StatusSet
from checks.http.head import Head, Headers
from checks.http.redirects import next_request
from checks.http.request import Request, request_bytes, route_of
from checks.http.verdict import verdict
from tests.checks.http.led_elsewhere import SHOP, go
from tests.stand_ins.http_servers import OK, Server, Visit, http, look, serving

SAME = ["https://shop.example.com/", "https://shop.example.com/a?b", "https://SHOP.example.com:443/", f"{SHOP}other"]
OTHER = [
    *("https://shop.example.com:8443/", "http://shop.example.com:81/", "https://www.shop.example.com/"),
    *("https://example.com/", "http://shop.example.com:443/", "http://127.0.0.1/", "https://shop.example.org/"),
]


@pytest.mark.parametrize("url", SAME)
def test_everything_that_is_set_goes_along_to_the_same_server_also_when_it_adds_tls(url: str) -> None:
    check = http(
        SHOP,
        method="POST",
        headers={"X-Key": "k", "User-Agent": "me", "Host": "virtual.example.com"},
        user="u",
        body="b=1",
        client_cert="/c.pem",
        server_name="inner.example.com",
        connect_to=Address.parse("192.0.2.7"),
    )
    head = Head(307, Headers((("location", url),)))
    request = next_request(check, Request(check.url, "POST", b"b=1"), head, 0.0)
    assert request is not None
    assert (request.method, request.lost_settings) == ("POST", "")
    sent, route = request_bytes(check, request), route_of(check, request.url)
    for line in (b"X-Key: k", b"User-Agent: me", b"Host: virtual.example.com", b"Authorization: Basic dTo="):
        assert line + b"\r\n" in sent
    assert sent.endswith(b"\r\n\r\nb=1")
    assert (route.host, route.port, route.server_name) == ("192.0.2.7", request.url.port, "inner.example.com")
    assert route.tls is None or route.tls.client_cert == "/c.pem"


@pytest.mark.parametrize(
    ("method", "status", "lost"),
    [
        ("POST", 301, "method, body"),
        ("PUT", 302, "method, body"),
        ("POST", 303, ""),
        ("POST", 308, ""),
        ("GET", 301, "body"),
    ],
)
def test_a_body_that_a_redirect_leaves_behind_is_said(method: str, status: int, lost: str) -> None:
    check = http(SHOP, method=method, body="b=1")
    request: Request | None = Request(check.url, method, b"b=1")
    for path in ("/a", "/b"):
        assert request is not None
        request = next_request(check, request, Head(status, Headers((("location", path),))), 0.0)
    assert request is not None
    assert request.lost_settings == (f"{lost} stayed behind at the redirect to {request.url}" if lost else "")


@pytest.mark.parametrize("url", OTHER)
def test_nothing_that_is_set_goes_to_another_server_and_what_stayed_is_said(url: str) -> None:
    check = http(SHOP, headers={"X-Key": "k"}, bearer_token="t0k", connect_to=Address.parse("192.0.2.7"))
    head = Head(302, Headers((("location", url),)))
    request = next_request(check, Request(check.url, "GET"), head, 0.0)
    assert request is not None
    assert request.lost_settings == f"headers, bearer_token, connect_to stayed behind at the redirect to {request.url}"
    assert b"k\r\n" not in request_bytes(check, request)
    assert b"t0k" not in request_bytes(check, request)
    assert route_of(check, request.url).host == request.url.host


def test_tls_is_never_given_up_for_the_same_server() -> None:
    check = http("https://shop.example.com/", headers={"X-Key": "k"}, client_cert="/c.pem")
    request = next_request(check, Request(check.url, "GET"), Head(302, Headers((("location", SHOP),))), 0.0)
    assert request is not None
    assert b"X-Key" not in request_bytes(check, request)
    assert request.lost_tls


def test_a_port_of_connect_to_is_the_one_of_the_urls_own_scheme() -> None:
    check = http(SHOP, connect_to=Address.parse("192.0.2.7:8080"))
    assert (route_of(check, check.url).host, route_of(check, check.url).port) == ("192.0.2.7", 8080)
    upgraded = route_of(check, HttpUrl.parse("https://shop.example.com/"))
    assert (upgraded.host, upgraded.port) == ("192.0.2.7", 443)


@contextmanager
def shop(authority: trustme.CA, wanted: bytes) -> Iterator[Server]:
    """A proxy to http://shop.invalid, which leads to https://shop.invalid, which lets in who sends what is wanted."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("shop.invalid").configure_cert(made)

    def talk(visit: Visit) -> None:
        if not visit.request.startswith(b"CONNECT"):
            visit.send(b"HTTP/1.1 301 Go\r\nLocation: https://shop.invalid/in\r\nSet-Cookie: c=1\r\n\r\n")
            return
        visit.send(b"HTTP/1.1 200 Established\r\n\r\n")
        with made.wrap_socket(visit.connection, server_side=True) as inner:
            said = inner.recv(65536)
            inner.sendall(OK if wanted in said else b"HTTP/1.1 403 No\r\n\r\n")

    with serving(talk) as server:
        yield server


def test_a_site_that_leads_to_its_own_tls_gets_what_was_set_for_it(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for wanted, given_settings in (
        (b"X-Key: 1\r\n", {"headers": {"X-Key": "1"}}),
        (b"User-Agent: me\r\n", {"headers": {"User-Agent": "me"}}),
        (b"Authorization: Basic dTpw\r\n", {"user": "u", "password": "p"}),
        (b"Cookie: c=1\r\n", {}),
    ):
        with shop(authority, wanted) as proxy:
            way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
            result = look(http("http://shop.invalid/", proxy=way, ca_file=str(tmp_path / "ca.pem"), **given_settings))
        assert result.status is Status.OK, result.summary
        assert "stayed behind" not in result.details


def refused(*headers: str) -> bytes:
    return "".join(f"{line}\r\n" for line in ("HTTP/1.1 401 No", *headers, "Content-Length: 0", "")).encode()


def asked(answer: bytes, **given_settings: Any) -> Result:
    with serving(answer) as server:
        return look(http(server.url, **given_settings))


@pytest.mark.parametrize(("status", "redirects", "said"), [("300 M", 5, "followed)"), ("302 F", 0, "redirects is 0)")])
def test_a_redirect_that_is_not_followed_says_so(status: str, redirects: int, said: str) -> None:
    head = f"HTTP/1.1 {status}\r\nLocation: /there?secret\r\nContent-Length: 0\r\n\r\n"
    with serving(head.encode()) as server:
        result = look(http(server.url, redirects=redirects))
    assert "(its Location is not followed" in result.summary
    assert said in result.summary
    assert "secret" not in result.summary + result.details


@pytest.mark.parametrize(
    ("url", "status", "header", "said"),
    [
        ("http://a:8443/", 400, "x", "400 in 1s, expected 200-299 (perhaps it speaks TLS, write https://)"),
        ("http://a:443/", 400, "x", "400 in 1s, expected 200-299 (perhaps it speaks TLS, write https://)"),
        ("https://a:8443/", 400, "x", "400 in 1s, expected 200-299"),
        ("http://a:8080/", 400, "x", "400 in 1s, expected 200-299"),
        ("http://a/", 426, "TLS/1.2, HTTP/2", "426 in 1s, expected 200-299 (the server wants 'TLS/1.2, HTTP/2')"),
    ],
)
def test_a_status_that_says_which_way_is_wanted_is_explained(url: str, status: int, header: str, said: str) -> None:
    headers = Headers((("upgrade", header),))
    answer = Answer(status, headers, b"", 0, False, HttpUrl.parse(url), "", None)
    progress = Progress(time.monotonic() + 60)
    progress.elapsed = lambda: 1.0  # type: ignore[method-assign]
    first = next(iter(verdict(http(url), answer, progress, 0.0)))
    assert isinstance(first, Result)
    assert first.summary == said


def test_a_refusal_after_a_redirect_says_what_stayed_behind() -> None:
    with serving(refused()) as other:
        result = asked(go(other.url), user="u", headers={"X": "y"})
        assert f"expected 200-299 (headers, user stayed behind at the redirect to {other.url})" in result.summary
        assert "stayed behind" in result.details
        assert "stayed behind" not in repr(asked(go(other.url)))


def test_an_end_after_a_redirect_says_what_stayed_behind() -> None:
    with serving(b"") as other:
        result = asked(go(other.url), user="u")
        assert result.summary.startswith("the server closed the connection: waiting for the headers")
        assert "perhaps" in result.summary
    result = asked(go(other.url), user="u")
    assert result.summary.endswith(f"; user stayed behind at the redirect to {other.url}")


@pytest.mark.parametrize(
    ("scheme", "given_settings", "said"),
    [
        ('Digest realm="x"', {}, "(the server wants user, password and auth: digest)"),
        ('Digest realm="x"', {"user": "u"}, "(the server wants user, password and auth: digest)"),
        ('Basic realm="x"', {"user": "u", "auth": "digest"}, "(the server wants user and password)"),
        (
            'NTLM, Negotiate realm="x"',
            {},
            "(the server wants NTLM, Negotiate authentication, which is not spoken here)",
        ),
        ('Basic realm="x"', {}, "(the server wants user and password)"),
        ("Bearer", {}, "(the server wants bearer_token)"),
        ('Basic realm="x"', {"user": "u"}, ""),
    ],
)
def test_a_server_that_wants_to_know_who_asks_says_how(scheme: str, given_settings: Any, said: str) -> None:
    summary = asked(refused(f"WWW-Authenticate: {scheme}"), **given_settings).summary
    assert said in summary
    assert summary.endswith(said or ", expected 200-299")


def test_a_redirect_to_plain_http_is_said_and_critical_where_tls_is_required(tmp_path: Path) -> None:
    authority, made = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trust = {"ca_file": str(tmp_path / "ca.pem")}
    with serving() as plain, serving(go(plain.url), tls=made) as secure, serving(tls=made) as good:
        url = f"https://127.0.0.1:{secure.port}/"
        result = look(http(url, **trust))
        assert (result.status, "after a redirect from https to http" in result.summary) == (Status.OK, True)
        result = look(http(url, require_tls=True, **trust))
        assert result.status is Status.CRITICAL
        assert result.summary.startswith(f"the answer came without TLS, from {plain.url}, 200 in ")
        assert look(http(plain.url, require_tls=True)).status is Status.CRITICAL
        assert look(http(f"https://127.0.0.1:{good.port}/", require_tls=True, **trust)).status is Status.OK
        with serving(go(f"https://127.0.0.1:{good.port}/")) as upgrading:
            assert look(http(upgrading.url, require_tls=True, **trust)).status is Status.OK


# Statuses


def test_a_status_may_be_a_warning() -> None:
    busy = StatusSet.parse([429, "503"])
    result = asked(b"HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n", warning_status=busy)
    assert result.status is Status.WARNING
    assert ", expected 200-299" in result.summary
    assert asked(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", warning_status=busy).status is Status.CRITICAL
    moved = asked(go("/elsewhere", "Content-Length: 0"), warning_status=StatusSet.parse("300-399"))
    assert (moved.status, moved.summary.startswith("302 in ")) == (Status.WARNING, True)
