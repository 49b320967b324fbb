"""The http check against servers that answer: status, time, conditions, redirects, credentials, ways to go."""

from __future__ import annotations

import base64
import gzip
import socket
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, DurationAbove, Metric, Regex, Result, Size, Status
from checks._network.addresses import Address
from checks._network.payload import is_found, may_be_undone
from checks.http.addresses import ProxyUrl
from checks.http.expectations import HeaderCondition, JsonCondition, StatusSet
from tests.checks.looks import found
from tests.stand_ins.http_servers import OK, Visit, http, look, metric, serving


def answer(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", ""))
    return lines.encode() + body


def asked(body: bytes, *headers: str, **settings: Any) -> Result:
    with serving(answer(body, "200 OK", *headers)) as server:
        return look(http(server.url, **settings))


def json_of(**wanted: Any) -> dict[str, JsonCondition]:
    return {path.replace("__", "."): JsonCondition.parse(value) for path, value in wanted.items()}


def test_an_answer_is_ok_and_says_its_status_and_how_long_each_phase_took() -> None:
    with serving() as server:
        result = look(http(f"http://localhost:{server.port}/", ip_version=4))
    assert result.status is Status.OK
    assert result.summary.startswith("200 in ")
    assert [one.name for one in result.metrics] == ["time", "size", "dns", "connect", "first_byte", "transfer"]
    assert metric(result, "time").value == pytest.approx(sum(one.value for one in result.metrics[2:]), abs=0.01)
    assert metric(result, "size").value == 2
    assert "at 127.0.0.1; dns " in result.details


def test_another_status_is_critical_and_says_what_was_expected() -> None:
    with serving(answer(b"", "503 Busy")) as server:
        result = look(http(server.url))
        assert result.status is Status.CRITICAL
        assert result.summary.startswith("503 in ")
        assert result.summary.endswith(", expected 200-299")
        assert look(http(server.url, expect_status=StatusSet.parse([200, "500-503"]))).status is Status.OK


def test_a_slow_answer_passes_the_level_it_says() -> None:
    def slow(visit: Visit) -> None:
        time.sleep(0.06)
        visit.send(OK)

    with serving(slow) as server:
        levels = {"warning": DurationAbove.parse("50ms"), "critical": DurationAbove.parse("4s")}
        result = look(http(server.url, **levels))
        assert result.status is Status.WARNING
        assert "(warning from 50ms)" in result.summary
        assert metric(result, "first_byte").value >= 0.06
        assert look(http(server.url, critical=DurationAbove.parse("50ms"))).status is Status.CRITICAL


def test_the_request_is_what_the_settings_say() -> None:
    with serving() as server:
        check = http(
            f"{server.url}a b/ü?q=1&x=<y>#part",
            method="POST",
            body="süß",
            headers={"Content-Type": "text/plain", "user-agent": "me", "Host": "shop.example.com"},
            bearer_token="t0ken",
        )
        assert look(check).status is Status.OK
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a%20b/%C3%BC?q=1&x=%3Cy%3E HTTP/1.1"
    assert {"Host: shop.example.com", "user-agent: me", "Content-Type: text/plain"} < set(lines)
    assert {"Content-Length: 5", "Authorization: Bearer t0ken", "Accept-Encoding: identity"} < set(lines)
    assert len([line for line in lines if line.lower().startswith(("host:", "user-agent:"))]) == 2
    assert body == "süß".encode()


def test_user_and_password_are_sent_as_basic_authentication() -> None:
    with serving() as server:
        look(http(server.url, user="ü", password="p:w"))
    assert b"Authorization: Basic " + base64.b64encode("ü:p:w".encode()) in server.requests[0]


def test_a_body_condition_that_does_not_hold_is_named_and_the_body_is_not() -> None:
    body = b"status=DOWN secret=hunter2"
    for settings, said in (
        ({"contains": "status=UP"}, "the body does not contain 'status=UP'"),
        ({"matches": Regex("^UP")}, "the body does not match '^UP'"),
        ({"not_matches": Regex("D[O]WN")}, "the body matches 'D[O]WN'"),
        ({"json": json_of(status="UP")}, "the body is not JSON"),
    ):
        result = asked(body, **settings)
        assert result.status is Status.CRITICAL
        assert result.summary.startswith(said + ", 200 in ")
        assert "hunter2" not in repr(result)
    assert asked(body, contains="DOWN", matches=Regex("DOWN"), not_matches=Regex("UP")).status is Status.OK


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"matches": Regex("^OK$")}, ""),
        ({"matches": Regex(r"(?m)^db up$")}, ""),
        ({"matches": Regex(r"^OK\ndb")}, ""),
        ({"matches": Regex(r"^OK\r\ndb")}, ""),
        ({"contains": "OK\ndb up\n"}, ""),
        ({"contains": "OK\r\ndb"}, ""),
        ({"not_matches": Regex(r"(?m) up$")}, "the body matches '(?m) up$'"),
    ],
)
def test_a_line_of_a_body_may_end_with_cr_lf(settings: dict[str, Any], said: str) -> None:
    body = b"OK\r\n" if settings.get("matches") == Regex("^OK$") else b"OK\r\ndb up\r\n"
    result = asked(body, **settings)
    assert (result.status is Status.OK, result.summary.split(", 200")[0] if said else "") == (not said, said)


def test_json_values_are_found_by_path_and_compared() -> None:
    body = b'\xef\xbb\xbf{"status":"ok","queue":{"length":250},"items":[{"id":7,"on":true}],"a.b":1,"none":null}'
    good = json_of(status="ok", queue__length=">=250", items__0__id="!=8", items__0__on=True, none=None)
    assert asked(body, json=good | {r"a\.b": JsonCondition.parse(1)}).status is Status.OK
    for wanted, said in (
        (json_of(queue__length="<100"), "JSON queue.length 250 is not < 100"),
        (json_of(status="up"), 'JSON status is not equal to "up"'),
        (json_of(items__1__id=7), "JSON has no items.1.id"),
        (json_of(status__deeper=1), "JSON has no status.deeper"),
        (json_of(items__0__on=1), "JSON items.0.on true is not equal to 1"),
        (json_of(status="<3"), "JSON status is not < 3: it is text"),
    ):
        result = asked(body, json=wanted)
        assert (result.status, result.summary.split(", 200")[0]) == (Status.CRITICAL, said)


def test_json_nested_beyond_reason_is_not_known() -> None:
    result = asked(b"[" * 500_000, json=json_of(a=1))
    assert result.status is Status.NODATA
    assert result.summary.startswith("the JSON is nested too deeply to be read here")


def test_a_header_must_be_there_and_match() -> None:
    wanted = {"x-cache": HeaderCondition.parse("^HIT")}
    assert asked(b"", "X-Cache: HIT from a", response_headers=wanted).status is Status.OK
    assert asked(b"", "X-Cache: MISS", response_headers=wanted).summary.startswith("header x-cache does not match")
    assert asked(b"", response_headers=wanted).summary.startswith("no header x-cache")


def test_a_body_that_comes_compressed_unasked_is_unpacked_for_the_conditions() -> None:
    assert asked(gzip.compress(b"all UP"), "Content-Encoding: gzip", contains="UP").status is Status.OK
    assert "is not gzip" in asked(b"all UP", "Content-Encoding: gzip", contains="UP").summary
    assert "encoded as 'br'" in asked(b"all UP", "Content-Encoding: br", contains="UP").summary


def test_a_body_without_length_and_a_chunked_one_are_read_to_their_end() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab \r\n2;x=y\r\nUP\r\n0\r\nX: y\r\n\r\n"
    for whole in (b"HTTP/1.0 200 OK\r\n\r\nab UP", chunked):
        with serving(whole) as server:
            result = look(http(server.url, contains="ab UP"))
            assert result.status is Status.OK, result.summary
            assert metric(result, "size").value == 5


@pytest.mark.parametrize("coding", ["utf-8", "latin-1"])
def test_a_header_beyond_ascii_is_read_as_it_is_meant(coding: str) -> None:
    with serving("HTTP/1.1 200 OK\r\nX-Place: Köln\r\nContent-Length: 0\r\n\r\n".encode(coding)) as server:
        place = {"X-Place": HeaderCondition.parse("^Köln$")}
        assert look(http(server.url, response_headers=place)).status is Status.OK


def test_answers_without_body_end_with_their_headers() -> None:
    def hold(visit: Visit) -> None:
        head = visit.request.startswith(b"HEAD")
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" if head else b"HTTP/1.1 204 No Content\r\n\r\n")
        visit.hang()

    with serving(hold) as server:
        assert look(http(server.url)).summary.startswith("204 in")
        assert look(http(server.url, method="HEAD")).summary.startswith("200 in")


def test_informational_answers_are_skipped() -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\n"
    with serving(hints + OK) as server:
        assert look(http(server.url, contains="ok")).status is Status.OK


def redirecting(visit: Visit) -> None:
    """`/to/STATUS/URL` answers with this redirect, anything else with OK."""
    path = visit.request.split()[1].decode()
    if path.startswith("/to/"):
        status, _, location = path.removeprefix("/to/").partition("/")
        visit.send(answer(b"", f"{status} Go", f"Location: {location}"))
    else:
        visit.send(OK)


def test_redirects_are_followed_within_reason() -> None:
    with serving(redirecting) as server:
        result = look(http(f"{server.url}to/302/../../there"))
        assert result.status is Status.OK
        assert result.details.startswith(f"{server.url}there at")
        assert server.requests[-1].startswith(b"GET /there HTTP/1.1\r\n")
        result = look(http(f"{server.url}to/302//there", redirects=0))
        assert result.summary.startswith("302 in ")


def test_a_redirect_that_is_expected_is_the_answer() -> None:
    with serving(redirecting) as server:
        assert look(http(f"{server.url}to/301//there", expect_status=StatusSet.parse(301))).status is Status.OK
        assert len(server.requests) == 1


def test_a_redirect_loop_ends() -> None:
    with serving(answer(b"", "302 Again", "Location: /again?t=secret")) as server:
        result = look(http(server.url, redirects=3))
        assert len(server.requests) == 4
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"more than 3 redirects, the last one to {server.url}again: following redirects")


@pytest.mark.parametrize(
    "location", ["ftp://x/", "javascript:1", "http://:80/", "http://[::1", "http://a b/", "http://u:p@[x/"]
)
def test_a_redirect_that_leads_nowhere_is_critical(location: str) -> None:
    with serving(answer(b"", "302 Go", f"Location: {location}")) as server:
        result = look(http(server.url))
    assert result.status is Status.CRITICAL
    assert "a redirect (302) that cannot be followed" in result.summary


def test_what_is_meant_for_one_server_is_not_sent_to_another_after_a_redirect() -> None:
    with serving() as other, serving(answer(b"", "302 Go", f"Location: http://127.0.0.1:{other.port}/")) as server:
        check = http(server.url, user="u", password="p", headers={"X-Api-Key": "k"}, method="POST", body="b=secret")
        assert look(check).status is Status.OK
        assert b"Authorization" in server.requests[0]
        assert b"X-Api-Key" in server.requests[0]
        assert b"Authorization" not in other.requests[0]
        assert b"X-Api-Key" not in other.requests[0]
        assert other.requests[0].startswith(b"GET / HTTP/1.1\r\n")


def test_a_redirect_that_keeps_the_method_keeps_the_body_on_the_same_server_only() -> None:
    with serving() as other, serving(redirecting) as server:
        assert look(http(f"{server.url}to/307//x", method="POST", body="b=1")).status is Status.OK
        assert server.requests[1].endswith(b"b=1")
        result = look(http(f"{server.url}to/308/{other.url}", method="POST", body="b=1"))
        assert "would send the body to another server" in result.summary
        assert other.requests == []


def test_nothing_of_the_environment_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", "/nonexistent")
    with serving() as server:
        assert look(http(server.url)).status is Status.OK


def test_connect_to_goes_elsewhere_and_keeps_the_host() -> None:
    with serving() as server:
        result = look(http("http://shop.invalid:81/", connect_to=Address.parse(f"127.0.0.1:{server.port}")))
    assert result.status is Status.OK
    assert b"Host: shop.invalid:81\r\n" in server.requests[0]


def test_ipv4_or_ipv6_is_used_as_chosen() -> None:
    def both(*asked: Any) -> list[tuple[Any, ...]]:
        found = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        ]
        return [one for one in found if asked[2] in (one[0], socket.AF_UNSPEC)]

    with serving() as server:
        check = http(f"http://shop.invalid:{server.port}/", ip_version=4)
        assert look(check, getaddrinfo=both).status is Status.OK
        # The first address and no other: a second try would hide that the first is dead.
        result = look(http(f"http://shop.invalid:{server.port}/"), getaddrinfo=both)
        assert result.summary.startswith(f"connection refused: connecting to [::1]:{server.port}")
    with serving(address="::1") as server:
        assert look(http(f"http://[::1]:{server.port}/", ip_version=6)).status is Status.OK
        assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


def test_a_name_that_does_not_exist_is_critical() -> None:
    def unknown(*_: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    result = look(http("http://shop.invalid/"), getaddrinfo=unknown)
    assert (result.status, result.summary) == (
        Status.CRITICAL,
        "name or service not known: looking up shop.invalid",
    )


@pytest.mark.parametrize(("named", "sent"), [("me:s%40fe", b"me:s@fe"), ("t0ken", b"t0ken:"), (":s", b":s")])
def test_a_proxy_is_asked_for_the_whole_url(named: str, sent: bytes) -> None:
    with serving() as proxy:
        way = ProxyUrl.parse(f"http://{named}@127.0.0.1:{proxy.port}")
        assert look(http("http://shop.invalid/a?b", proxy=way)).status is Status.OK
    assert proxy.requests[0].startswith(b"GET http://shop.invalid/a?b HTTP/1.1\r\nHost: shop.invalid\r\n")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(sent) in proxy.requests[0]


def test_by_plain_http_a_bad_status_may_be_the_proxys_own() -> None:
    with serving(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as proxy:
        by = ProxyUrl.parse(proxy.url)
        assert f"perhaps the proxy's own answer: {by}" in look(http("http://shop.example/", proxy=by)).summary
        assert "proxy" not in look(http(proxy.url)).summary


def test_a_proxy_that_cannot_be_reached_says_nothing_about_the_server() -> None:
    with serving() as gone:
        pass
    with pytest.raises(CheckError, match=f"proxy http://127.0.0.1:{gone.port}: connection refused"):
        look(http("http://shop.invalid/", proxy=ProxyUrl.parse(f"http://u:p@127.0.0.1:{gone.port}")))


def test_secrets_show_nowhere() -> None:
    secret = {"user": "u", "password": "hunter2", "headers": {"X-Key": "hunter2"}, "body": "hunter2", "method": "POST"}
    with serving(answer(b"hunter2", "500 No", "X-Back: hunter2")) as server:
        check = http(
            f"{server.url}?token=hunter2",
            response_headers={"X-Back": HeaderCondition.parse("^x")},
            contains="x",
            **secret,
        )
        assert "hunter2" not in repr(look(check))
    assert "hunter2" not in repr(look(http(f"{server.url}?token=hunter2", **secret)))


def test_a_body_beyond_the_limit_is_cut_and_judged_so_far() -> None:
    with serving(answer(b"UP" + b"x" * 200_000)) as server:
        check = http(server.url, contains="UP", body_limit=Size(1000))
        result = look(check)
        assert result.status is Status.OK
        assert metric(result, "size").value == 1000
        assert "body cut at body_limit" in result.details
        late = look(http(server.url, matches=Regex("x$"), contains="NO", body_limit=Size(1000)))
        assert late.summary.startswith("the first 1000 B of the body does not contain 'NO'")
        unseen = look(http(server.url, not_matches=Regex("NO"), body_limit=Size(1000)))
        words = "the first 1000 B of the body does not match 'NO', what follows may: raise body_limit"
        assert (unseen.status, unseen.summary.rpartition(", ")[0]) == (Status.NODATA, words)
        seen = look(http(server.url, not_matches=Regex("^UP"), body_limit=Size(1000)))
        assert (seen.status, seen.summary.rpartition(", ")[0]) == (Status.CRITICAL, "the body matches '^UP'")


@pytest.mark.parametrize(
    ("pattern", "hangs"),
    [
        *(("x$", True), (r"x\Z", True), (r"UPx+\b", True), ("(?s)^(?!.*error)", True), ("^UP(?! no)", True)),
        *(("^UP", False), ("x", False), (r"x$|^UP\b|UP", False), (r"\bUP", False), (r"\$|\(?!|x", False)),
    ],
)
@pytest.mark.parametrize("setting", ["matches", "not_matches"])
def test_what_a_cut_body_fits_by_its_end_only_is_not_known(pattern: str, hangs: bool, setting: str) -> None:
    with serving(answer(b"UP" + b"x" * 2000)) as server:
        result = look(http(server.url, body_limit=Size(1000), **{setting: Regex(pattern)}))
    known = Status.OK if setting == "matches" else Status.CRITICAL
    assert result.status is (Status.NODATA if hangs else known)
    assert ("what follows may undo that: raise body_limit" in result.summary) == hangs


LETTERS = st.text("ab\n\r _", max_size=6)
HANGING = [
    "a$",
    "(?m)^a$",
    r"a\b",
    r"\ba\B",
    r"a\Z",
    "a(?!b)",
    "(?s)^(?!.*b)",
    "(?<!a)b",
    "b|a$",
    r"\s$",
    "a|$",
    "[^a]$",
    r"^\W*\b",
    "a*$",
]


@given(LETTERS, LETTERS, st.sampled_from(HANGING))
def test_what_is_sure_of_a_cut_text_is_true_of_the_whole(cut: str, rest: str, pattern: str) -> None:
    made = Regex(pattern)
    if is_found(made, cut) and not may_be_undone(made, cut):
        assert is_found(made, cut + rest)


def test_run_is_what_the_agent_calls() -> None:
    with serving() as server:
        yielded = list(found(http(server.url).run(Context())))
    assert isinstance(yielded[0], Result)
    assert all(isinstance(one, Metric) for one in yielded[1:])
