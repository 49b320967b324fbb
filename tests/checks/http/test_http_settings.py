"""What the http check's settings accept, and what they say about what they do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.api import SettingValue
from checks._network.addresses import Address
from checks.http.addresses import HttpUrl, ProxyUrl
from checks.http.expectations import HeaderCondition, JsonCondition, StatusSet, TlsVersion
from checks.http.head import Head, Headers
from checks.http.redirects import next_request
from checks.http.request import Request
from tests.stand_ins.http_servers import http


@pytest.mark.parametrize(
    ("written", "shown", "target", "authority"),
    [
        ("https://Shop.Example.com", "https://shop.example.com/", "/", "shop.example.com"),
        ("http://shop:8080/a?b=c", "http://shop:8080/a", "/a?b=c", "shop:8080"),
        ("https://shop:443?x", "https://shop/", "/?x", "shop"),
        ("http://[::1]:81/", "http://[::1]:81/", "/", "[::1]:81"),
        (
            "https://bücher.example/ä b",
            "https://xn--bcher-kva.example/%C3%A4%20b",
            "/%C3%A4%20b",
            "xn--bcher-kva.example",
        ),
        ("http://10.0.0.1/a%20b#part", "http://10.0.0.1/a%20b", "/a%20b", "10.0.0.1"),
    ],
)
def test_a_url_is_read_and_shown_without_its_query(written: str, shown: str, target: str, authority: str) -> None:
    url = HttpUrl.parse(written)
    assert (str(url), url.target, url.authority) == (shown, target, authority)


@pytest.mark.parametrize(
    ("kind", "written", "said"),
    [
        (HttpUrl, "shop.example.com", "without scheme cannot be asked, begin it with http://"),
        (HttpUrl, "ftp://shop", "ftp cannot be asked"),
        (HttpUrl, "shop/a?key=geheim", "as in http://shop/a$"),
        (HttpUrl, "localhost:8080/x?key=geheim", "as in http://localhost:8080/x$"),
        (HttpUrl, "http//shop/", "write http://shop/$"),
        (HttpUrl, "unix:///run/a.sock", "write http://localhost/ and beside it unix_socket: /run/a.sock$"),
        (HttpUrl, "http://shop:80:80/", "it has two ports"),
        (HttpUrl, "http://", "the host is missing"),
        (HttpUrl, "http://u:secret@shop/", "use the settings user and password"),
        (HttpUrl, "http://shop:port/", "not a URL"),
        (HttpUrl, "http://shop:99999/", "not a URL or address: its port is no number from 1 to 65535"),
        (HttpUrl, "http://shop:0/", "not a URL or address: its port is no number from 1 to 65535"),
        (HttpUrl, "http://[::1]8080/", "an IPv6 address, and nothing else, stands in brackets"),
        (HttpUrl, "http://::1:8080/", "an IPv6 address, and nothing else, stands in brackets"),
        (HttpUrl, "http://[v1.x]/", "an IPv6 address, and nothing else, stands in brackets"),
        (HttpUrl, "http://a b/", "is not a host name"),
        (HttpUrl, "http://shop/\r\nX: y", "not a URL"),
        (HttpUrl, 7, "not a URL"),
        (Address, "a b", "not an address"),
        (Address, "shop:x", "not an address"),
        (Address, "shop:0", "not an address"),
        (Address, "[::1]8080", "not an address"),
        (Address, "[::1]:8080:1", "not an address"),
        (Address, "http://shop", "not an address"),
        (Address, "", "not an address"),
        (ProxyUrl, "socks5://proxy", "only http:// proxies"),
        (ProxyUrl, "none", "only http:// proxies"),
        (ProxyUrl, "u:secret@proxy", "proxy has no port, write for example proxy:3128"),
        (ProxyUrl, "http://u:p@", "not an address"),
        (StatusSet, [], "an empty list"),
        (StatusSet, "2xx", "not an HTTP status"),
        (StatusSet, [200, True], "not an HTTP status"),
        (StatusSet, 99, "not an HTTP status"),
        (StatusSet, "299-200", "write 200-299"),
        (TlsVersion, 1.1, "write 1.2 or 1.3"),
        (JsonCondition, ["a"], "only single values"),
        (JsonCondition, "<up", "no number"),
        (JsonCondition, "<", "no number"),
        (JsonCondition, ">= true", "no number"),
    ],
)
def test_a_value_that_is_none_says_what_to_write(kind: type[SettingValue], written: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        kind.parse(written)
    assert "secret" not in str(caught.value)


def test_a_proxy_shows_neither_user_nor_password() -> None:
    proxy = ProxyUrl.parse("http://me:secr%3Aet@proxy:3128/")
    assert (proxy.user, proxy.password, proxy.address) == ("me", "secr:et", Address("proxy", 3128))
    assert f"{proxy} {proxy!r}" == "http://proxy:3128 ProxyUrl('http://proxy:3128')"
    assert ProxyUrl.parse("me:secr%3Aet@proxy:3128") == proxy, "its scheme may be left out"


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [("10.0.0.7", "10.0.0.7", 0), ("web-2:81", "web-2", 81), ("::1", "::1", 0), ("[::1]:81", "::1", 81)],
)
def test_an_address_may_have_a_port(written: str, host: str, port: int) -> None:
    assert Address.parse(written) == Address(host, port)


def test_statuses_are_expected_as_written() -> None:
    wanted = StatusSet.parse([204, "300 - 302"])
    assert [status for status in (203, 204, 299, 300, 302, 303) if status in wanted] == [204, 300, 302]
    assert str(wanted) == "204 or 300-302"


def test_values_are_equal_where_all_of_them_is_equal() -> None:
    assert HttpUrl.parse("http://a/?x=1") == HttpUrl.parse("http://a/?x=1")
    assert HttpUrl.parse("http://a/?x=1") != HttpUrl.parse("http://a/?x=2")
    assert ProxyUrl.parse("http://u:1@a") != ProxyUrl.parse("http://u:2@a")
    assert JsonCondition.parse(True) != JsonCondition.parse(1)
    assert hash(Address("a")) == hash(Address("a"))
    assert http("http://a/", proxy=ProxyUrl.parse("http://p")) == http("http://a/", proxy=ProxyUrl.parse("http://p"))


@pytest.mark.parametrize(
    ("contradiction", "setting"),
    [
        ({"headers": {"X Y": "z"}}, "headers"),
        ({"headers": {"X": "a\r\nEvil: b"}}, "headers"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "headers"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "headers"),
        ({"headers": {"authorization": "Bearer x"}, "user": "u"}, "headers"),
        ({"headers": {"Authorization": "Bearer x"}, "bearer_token": "t"}, "headers"),
        ({"user": "u", "bearer_token": "t"}, "bearer_token"),
        ({"bearer_token": "a\nb"}, "bearer_token"),
        ({"bearer_token": "Bearer abc"}, "bearer_token"),
        ({"bearer_token": "authorization: bearer abc"}, "bearer_token"),
        ({"password": "p"}, "password"),
        ({"client_key": "/k"}, "client_key"),
        ({"server_name": "https://shop"}, "server_name"),
        ({"method": "HEAD", "contains": "x"}, "method"),
        ({"method": "CONNECT"}, "method"),
        ({"user": "a:b"}, "user"),
        ({"auth": "digest"}, "auth"),
        ({"ca_file": "ca.pem"}, "ca_file"),
        ({"crl_file": "~/crl.pem"}, "crl_file"),
        ({"warning_status": StatusSet.parse(204)}, "warning_status"),
        ({"contains": ""}, "contains"),
        ({"response_headers": {"X Y": HeaderCondition.parse("z")}}, "response_headers"),
        ({"proxy": ProxyUrl.parse("http://p"), "connect_to": Address("a")}, "connect_to"),
    ],
)
def test_settings_that_contradict_each_other_are_named(contradiction: dict[str, Any], setting: str) -> None:
    assert [name for name, _ in http("http://a/", **contradiction).problems()] == [setting]


def test_a_key_that_stands_in_the_place_of_its_file_shows_in_no_message() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n"
    said = dict(http("https://a/", client_cert=f"${key}", client_key=key).problems())
    assert said == dict.fromkeys(("client_cert", "client_key"), "must be the path of a file, not what stands in it")


@pytest.mark.parametrize(
    ("warning", "good", "said"),
    [
        (204, "200-299", "204 is good by expect_status already, write there [200-203, 205-299]"),
        (["200-201"], ["200-202"], "200-201 is good by expect_status already, write there 202"),
        (200, 200, "200 is good by expect_status already, write there for example 200"),
        ("200-499", 200, ""),  # all but the good ones
        (429, "200-299", ""),
    ],
)
def test_a_warning_that_never_comes_is_refused(warning: Any, good: Any, said: str) -> None:
    check = http("http://a/", warning_status=StatusSet.parse(warning), expect_status=StatusSet.parse(good))
    assert [text for _, text in check.problems()] == ([said] if said else [])


def test_a_password_for_the_proxy_does_not_go_to_the_site() -> None:
    settings: dict[str, Any] = {"headers": {"Proxy-Authorization": "Basic x"}, "proxy": ProxyUrl.parse("http://p")}
    assert [name for name, _ in http("https://a/", **settings).problems()] == ["headers"]
    assert list(http("http://a/", **settings).problems()) == []


def test_settings_that_agree_are_no_problem() -> None:
    fine = {"headers": {"X-Y": "ä b"}, "user": "u", "password": "p", "client_cert": "/c", "client_key": "/k"}
    assert list(http("https://a/", server_name="shop.example.com", **fine).problems()) == []


@pytest.mark.parametrize(
    ("method", "status", "next_method"),
    [
        ("POST", 301, "GET"),
        ("POST", 303, "GET"),
        ("HEAD", 302, "HEAD"),
        ("POST", 307, "POST"),
        ("DELETE", 308, "DELETE"),
    ],
)
def test_a_redirect_changes_the_method_as_in_a_browser(method: str, status: int, next_method: str) -> None:
    head = Head(status, Headers((("location", "/on"),)))
    request = next_request(http("http://a/", method=method), Request(HttpUrl.parse("http://a/"), method), head, 0.0)
    assert request is not None
    assert (request.method, str(request.url)) == (next_method, "http://a/on")


@settings(derandomize=True, database=None)
@given(st.text() | st.text().map(lambda text: f"http://a/{text}") | st.text().map(lambda text: f"http://{text}/"))
def test_no_url_can_break_out_of_the_request_line(text: str) -> None:
    try:
        url = HttpUrl.parse(text)
    except ValueError:
        return
    assert url.whole.isascii()
    assert not set(url.whole) & set(" \r\n\t\0#")
    assert HttpUrl.parse(url.whole) == url
