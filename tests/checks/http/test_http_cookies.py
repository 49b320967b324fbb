"""Cookies go along a redirect where a browser would send them, and are gone after the run."""

from __future__ import annotations

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Regex, Status
from agent.plugin.patterns import searching_until
from agent.plugin.results import gather
from checks._network.progress import Progress
from checks.http import cookies
from checks.http.addresses import HttpUrl
from checks.http.exchange import Answer
from checks.http.head import Head, Headers
from checks.http.redirects import next_request
from checks.http.request import Request, request_bytes
from checks.http.verdict import verdict
from tests.checks.http.led_elsewhere import SHOP, go
from tests.examples import examples
from tests.stand_ins.http_servers import OK, Visit, http, look, serving

HERE = HttpUrl.parse("https://shop.example.com/a/b")


def sent(line: str, to: str, start: HttpUrl = HERE, now: float = 1e9) -> dict[str, str]:
    return dict(cookies.matching(cookies.collect((), start, Headers((("set-cookie", line),)), now), HttpUrl.parse(to)))


@pytest.mark.parametrize(
    "url",
    [
        *("https://www.shop.example.com/a/b", "https://example.com/a/b", "https://other.example.com/a/b"),
        *("https://shop.example.com.evil.org/a/b", "https://xshop.example.com/a/b", "https://192.0.2.7/a/b"),
    ],
)
@pytest.mark.parametrize("domain", ["", "; Domain=example.com", "; Domain=.shop.example.com", "; Domain=com"])
def test_a_cookie_goes_to_no_other_host_whatever_it_says(domain: str, url: str) -> None:
    assert sent(f"a=1{domain}; Path=/", url) == {}


def test_a_cookie_goes_to_the_ports_of_its_host_but_a_secure_one_only_by_tls() -> None:
    for url in ("https://shop.example.com/a/c", "https://shop.example.com:8443/a/", "http://shop.example.com/a/"):
        assert sent("a=1", url) == {"a": "1"}
    assert sent("a=1; Secure", "https://shop.example.com:8443/a/") == {"a": "1"}
    assert sent("a=1; Secure", "http://shop.example.com/a/") == {}
    assert sent("a=1; secure", "http://shop.example.com/a/", HttpUrl.parse("http://shop.example.com/a/")) == {}


@pytest.mark.parametrize(
    ("attribute", "alive"),
    [
        *(("Max-Age=0", False), ("Max-Age=-1", False), ("Max-Age=1", True), ("Max-Age=x", True), ("max-age=00", False)),
        ("Max-Age=-" + "9" * 30, False),
        *(("Expires=Thu, 01 Jan 1970 00:00:00 GMT", False), ("Expires=Thu, 01-Jan-70 00:00:00 GMT", False)),
        *(("expires=Sunday, 06-Nov-94 08:49:37 GMT", False), ("Expires=Sun Nov  6 08:49:37 1994", False)),
        *(("Expires=Wed, 09 Sep 2037 01:46:40 GMT", True), ("Expires=0", True), ("Expires=", True)),
        ("Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT", True),  # RFC 6265: Max-Age has precedence
    ],
)
def test_a_cookie_ends_when_it_says(attribute: str, alive: bool) -> None:
    assert bool(sent(f"a=1; Path=/; {attribute}", "https://shop.example.com/")) == alive


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        *(("__Secure-a=1; Secure", True), ("__Secure-a=1", False), ("__Host-a=1; Secure; Path=/", True)),
        *(("__Host-a=1; Path=/", False), ("__Host-a=1; Secure; Path=/a", False), ("__Host-a=1; Secure", False)),
        ("__Host-a=1; Secure; Path=/; Domain=shop.example.com", False),
        *(("__host-a=1; Path=/", False), ("__SECURE-a=1", False), ("__HOST-a=1; Secure; Path=/", True)),
    ],
)
def test_a_cookie_that_lacks_what_its_name_promises_is_not_taken(line: str, taken: bool) -> None:
    assert bool(sent(line, "https://shop.example.com/a/b")) == taken


def test_cookies_of_one_name_go_along_for_each_path_the_nearest_first() -> None:
    jar = cookies.collect((), HERE, Headers((("set-cookie", "a=1; Path=/"), ("set-cookie", "a=2; Path=/a"))), 0.0)
    assert b"Cookie: a=2; a=1\r\n" in request_bytes(http(str(HERE)), Request(HERE, "GET", jar=jar))


def test_a_user_that_a_redirect_names_is_told_there_only() -> None:
    check = http(SHOP, user="me", password="own")
    head = Head(302, Headers((("location", "http://guest:p%40ss@other.example.com/x"),)))
    request = next_request(check, Request(check.url, "GET"), head, 0.0)
    assert request is not None
    assert b"Authorization: Basic Z3Vlc3Q6cEBzcw==\r\n" in request_bytes(check, request)
    assert "guest" not in str(request.url)
    further = next_request(check, request, Head(302, Headers((("location", "http://third.example.com/"),))), 0.0)
    assert further is not None
    assert b"Authorization" not in request_bytes(check, further)


def test_a_cookie_of_the_settings_goes_along_until_the_site_sets_it_anew() -> None:
    jar = cookies.collect((), HERE, Headers((("set-cookie", "session=new"),)), 0.0)
    check = http("https://shop.example.com/a/b", headers={"Cookie": "session=old; lang=de"})
    assert b"Cookie: lang=de; session=new\r\n" in request_bytes(check, Request(HERE, "GET", jar=jar))
    assert b"Cookie: session=old; lang=de\r\n" in request_bytes(check, Request(HERE, "GET"))


def test_a_login_that_needs_a_cookie_for_more_hosts_says_so() -> None:
    def answer(visit: Visit) -> None:
        wide = "Set-Cookie: a=1; Domain=corp.localhost; Path=/\r\n"
        where = f"http://app.corp.localhost:{visit.connection.getsockname()[1]}/"
        visit.send(f"HTTP/1.1 302 F\r\nLocation: {where}\r\n{wide}Content-Length: 0\r\n\r\n".encode())

    with serving(answer) as server:
        result = look(
            http(f"http://app.corp.localhost:{server.port}/"),
            getaddrinfo=lambda *_, **__: [(socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))],
        )
    assert "a cookie for all of corp.localhost goes back to app.corp.localhost only" in result.summary


def test_cookies_are_gone_after_the_run() -> None:
    with serving(lambda visit: visit.send(go("/x", "Set-Cookie: a=1") if b"GET / " in visit.request else OK)) as server:
        check = http(server.url)
        for _ in range(2):
            assert look(check).status is Status.OK
    assert [b"Cookie: a=1" in request for request in server.requests] == [False, True, False, True]


@examples(50)
@given(st.lists(st.text(st.characters(max_codepoint=255, exclude_characters="\n\r")), max_size=6), st.floats(0, 1e10))
def test_any_cookie_line_leaves_a_request_that_is_one_request(lines: list[str], now: float) -> None:
    jar = cookies.collect((), HERE, Headers(tuple(("set-cookie", line) for line in lines)), now)
    said = request_bytes(http("https://shop.example.com/"), Request(HERE, "GET", jar=jar))
    assert said.endswith(b"\r\n\r\n")
    assert said.count(b"\r\n\r\n") == 1
    assert all(b":" in line and not line.startswith((b" ", b"\t")) for line in said.split(b"\r\n")[1:-2])
    assert b"\n" not in said.replace(b"\r\n", b"")
    assert len(said) < 9000


def test_many_cookies_are_bounded() -> None:
    lines = tuple(("set-cookie", f"n{number}={'v' * 1000}; Path=/") for number in range(1000))
    jar = cookies.collect((), HERE, Headers(lines), 0.0)
    assert len(jar) == cookies.LIMIT
    assert len(cookies.header("own=1", cookies.matching(jar, HERE))) <= cookies.HEADER_LIMIT


def test_a_pattern_that_takes_too_long_hides_nothing_else_of_the_answer() -> None:
    url = HttpUrl.parse("http://a/")
    answer = Answer(500, Headers(), b"healthy", 7, False, url, "", None)
    check = http("http://a/", matches=Regex("healthy"), contains="sick")
    with searching_until(time.monotonic() - 1):
        (result,) = gather(verdict(check, answer, Progress(0.0), 0.0))
    assert result.status is Status.CRITICAL
    assert "expected 200-299, the body does not contain 'sick', " in result.summary
    assert "took longer than the run has" in result.summary
    assert [metric.name for metric in result.metrics] == ["time", "size"]
