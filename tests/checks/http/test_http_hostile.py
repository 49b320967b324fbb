"""The http check against servers that hang, drip, lie, reset and never stop: one deadline, little memory, a result."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Context, DurationAbove, Regex, Size, Status
from agent.plugin.context import SharedWork
from agent.plugin.results import gather
from checks.http.addresses import ProxyUrl
from checks.http.check import run
from checks.http.expectations import JsonCondition
from tests.checks.looks import found
from tests.examples import TIMES, examples
from tests.stand_ins.http_servers import OK, Visit, http, look, serving, timed_look

TIMEOUT = 0.2
TLS_TIMEOUT = 1.0
"""Seconds: on a busy machine a handshake alone takes longer than TIMEOUT."""
SLACK = 0.3
"""For a busy machine; the servers here would go on for ever."""


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HOSTILE: dict[str, tuple[Callable[[Visit], None], str]] = {
    "says nothing": (lambda v: v.hang(), "waiting for the headers"),
    "drips the headers": (lambda v: v.drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 999), "reading the headers"),
    "drips endless short headers": (lambda v: v.drip(b"HTTP/1.1 100 C\r\n\r\n" * 99), "reading the headers"),
    "drips a body with a length": (
        lambda v: (v.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"), v.drip(b"x" * 999))[-1],
        "reading the body",
    ),
    "drips a body without a length": (
        lambda v: (v.send(b"HTTP/1.1 200 OK\r\n\r\n"), v.drip(b"x" * 999))[-1],
        "reading the body",
    ),
    "drips chunks": (lambda v: (v.send(CHUNKED), v.drip(b"1\r\nx\r\n" * 99))[-1], "reading the body"),
    "drips endless trailers": (
        lambda v: (v.send(CHUNKED + b"0\r\n"), v.drip(b"X: y\r\n" * 99))[-1],
        "reading the body",
    ),
    "stops inside the body": (
        lambda v: (v.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), v.hang())[-1],
        "reading the body",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_the_deadline_holds_against_a_server_that(case: str) -> None:
    talk, doing = HOSTILE[case]
    with serving(talk) as server:
        result, took = timed_look(http(server.url, contains="x"), TIMEOUT)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"no answer within 200ms: {doing}")
    assert TIMEOUT - 0.01 <= took <= TIMEOUT + SLACK


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ({"critical": "60s"}, "; critical is 60s, but the run ends before: raise timeout"),
        ({"warning": "5s", "critical": "60s"}, "; critical is 60s, but the run ends before: raise timeout"),
        ({"warning": "5s"}, "; warning is 5s, but the run ends before: raise timeout"),
        ({"warning": "100ms", "critical": "200ms"}, ""),
    ],
)
def test_a_level_that_the_timeout_keeps_from_being_reached_is_named(levels: dict[str, str], said: str) -> None:
    with serving(HOSTILE["says nothing"][0]) as server:
        check = http(server.url, **{name: DurationAbove.parse(level) for name, level in levels.items()})
        assert look(check, TIMEOUT).summary == f"no answer within 200ms: waiting for the headers{said}"


@pytest.mark.parametrize("case", ["says nothing", "drips the headers", "drips a body with a length"])
def test_the_deadline_holds_over_tls_against_a_server_that(case: str, authority: trustme.CA, ca_file: str) -> None:
    talk, doing = HOSTILE[case]
    with serving(talk, tls=tls_server(authority)) as server:
        result, took = timed_look(http(f"https://127.0.0.1:{server.port}/", ca_file=ca_file), TLS_TIMEOUT)
    assert (result.status, result.summary.split(" (")[0]) == (Status.CRITICAL, f"no answer within 1s: {doing}")
    assert took <= TLS_TIMEOUT + SLACK


def test_the_deadline_holds_over_all_redirects_together() -> None:
    def slowly(visit: Visit) -> None:
        visit.over.wait(TIMEOUT / 3)
        visit.send(b"HTTP/1.1 302 Go\r\nLocation: /\r\n\r\n")

    with serving(slowly) as server:
        result, took = timed_look(http(server.url, redirects=20), TIMEOUT)
    assert result.summary.startswith("no answer within 200ms")
    assert took <= TIMEOUT + SLACK


@pytest.mark.parametrize("bytes_of_hello", [0, 400])
def test_the_deadline_holds_in_the_tls_handshake(bytes_of_hello: int, ca_file: str) -> None:
    def handshake(visit: Visit) -> None:
        visit.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * bytes_of_hello if bytes_of_hello else b"")
        visit.hang()

    with serving(handshake, greedy=False) as server:
        result, took = timed_look(http(f"https://localhost:{server.port}/", ip_version=4, ca_file=ca_file), TIMEOUT)
    assert result.summary.startswith("no answer within 200ms: TLS handshake with localhost")
    assert took <= TIMEOUT + SLACK


def test_the_deadline_holds_for_a_server_that_reads_nothing() -> None:
    with socket.socket() as listener:
        # The kernel takes the connection and little more: a body that fills larger buffers takes time to make, too.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        result, took = timed_look(http(url, method="POST", body="x" * 6_000_000), TIMEOUT)
    assert result.summary.startswith("no answer within 200ms: sending the request")
    assert took <= TIMEOUT + SLACK


def test_the_deadline_holds_for_a_server_that_does_not_accept() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    address = listener.getsockname()
    waiting = [socket.socket() for _ in range(8)]
    try:
        for one in waiting:  # fill the queue, so that the kernel lets further connections wait
            one.setblocking(False)
            one.connect_ex(address)
        result, took = timed_look(http(f"http://127.0.0.1:{address[1]}/"), TIMEOUT)
    finally:
        for one in (listener, *waiting):
            one.close()
    assert result.summary.startswith(f"no answer within 200ms: connecting to 127.0.0.1:{address[1]}")
    assert took <= TIMEOUT + SLACK


def test_a_resolver_that_hangs_is_bounded_and_holds_one_thread() -> None:
    free, calls = threading.Event(), []

    def hang(*asked: Any) -> list[tuple[Any, ...]]:
        calls.append(asked)
        free.wait(30)
        return []

    work, check = SharedWork(), http("http://shop.invalid/")
    for _ in range(2):
        (result,) = gather(found(run(check, Context(timeout=TIMEOUT, shared=work), hang)))
        assert result.status is Status.CRITICAL
        assert result.summary.endswith("looking up shop.invalid")
        assert result.summary.startswith("no answer within ")
    assert len(calls) == 1
    free.set()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"]
)
def test_the_deadline_holds_in_a_tunnel_and_its_proxy_may_hang(answer: bytes) -> None:
    def hang(visit: Visit) -> None:
        visit.send(answer[:20])
        visit.hang()

    with serving(hang) as proxy:
        way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
        result, took = timed_look(http("https://shop.invalid/", proxy=way), TIMEOUT)
    assert result.summary.startswith(f"no answer within 200ms: asking the proxy {way} for shop.invalid")
    assert took <= TIMEOUT + SLACK


RESETS = {
    "waiting for the headers": b"",
    "reading the headers": b"HTTP/1.1 200 OK\r\nX: ",
    "reading the body": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab",
}


@pytest.mark.parametrize("doing", RESETS)
def test_a_reset_says_where_it_happened(doing: str) -> None:
    def reset(visit: Visit) -> None:
        if RESETS[doing]:
            visit.send(RESETS[doing])
            visit.over.wait(0.05)  # so that it arrives before the reset, which would overtake it
        visit.reset()

    with serving(reset) as server:
        result = look(http(server.url))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"connection reset by peer: {doing}")


@pytest.mark.parametrize("doing", RESETS)
def test_an_early_end_is_no_answer_and_never_an_empty_200(doing: str) -> None:
    with serving(RESETS[doing]) as server:
        result = look(http(server.url))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"the server closed the connection: {doing}")


@pytest.mark.parametrize(
    "early", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: y\r\n", CHUNKED, CHUNKED + b"5\r\nab"]
)
def test_an_end_before_the_end_is_noticed(early: bytes) -> None:
    with serving(early) as server:
        assert look(http(server.url)).summary.startswith("the server closed the connection: reading the ")


def test_a_refused_connection_says_so() -> None:
    with serving() as server:
        pass
    result = look(http(server.url))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"connection refused: connecting to 127.0.0.1:{server.port}")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("not an HTTP answer, it begins with 'SSH-2.0-x", b"SSH-2.0-x\r\n"),
        ("not an HTTP answer, it begins with '<html>hello", b"<html>hello</html>\n"),
        ("not an HTTP answer", b"\x00\xff\xfe\n"),
        ("not an HTTP answer", b"HTTP/1.1 abc OK\r\n\r\n"),
        ("broken HTTP answer", b"HTTP/3.0 200 OK\r\n\r\n"),
        ("broken HTTP answer, its Content-Length is '1e3'", b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n"),
        ("broken HTTP answer", CHUNKED + b"-5\r\nabcdefgh\r\n0\r\n\r\n"),
        ("broken HTTP answer", CHUNKED + b"nonsense\r\nabc\r\n"),
    ],
)
def test_garbage_is_called_garbage(said: str, answer: bytes) -> None:
    with serving(answer) as server:
        result = look(http(server.url))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(said), result.summary


def test_more_bytes_after_the_answer_change_nothing() -> None:
    with serving(OK + b"HTTP/1.1 500 No\r\n\r\njunk" * 1000) as server:
        assert look(http(server.url, contains="ok")).status is Status.OK


ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "headers of one line": (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
    "informational answers": (b"", b"HTTP/1.1 100 C\r\n\r\n" * 1000),
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "a body of a huge length": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", b"x" * 65536),
    "one chunk": (CHUNKED + b"ffffffffffffffff\r\n", b"x" * 65536),
    "a chunk of a negative size": (CHUNKED + b"-1\r\n", b"x" * 65536),
    "tiny chunks": (CHUNKED, b"1\r\nx\r\n" * 9999),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n" * 9999),
    "a redirect's body": (b"HTTP/1.1 302 Go\r\nLocation: /\r\n\r\n", b"x" * 65536),
}


@contextmanager
def little_memory() -> Iterator[None]:
    """Hold that what is allocated at one time, by the check and by the server's thread, stays under 8 MiB."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", ENDLESS)
def test_the_memory_is_bounded_where_a_server_never_stops_sending(case: str) -> None:
    begin, more = ENDLESS[case]
    with serving(lambda visit: (visit.send(begin), visit.for_ever(more))[-1]) as server, little_memory():
        check = http(server.url, not_matches=Regex("@"), redirects=1, body_limit=Size(256 * 1024))
        result = look(check, 30.0)
    assert not result.summary.startswith("no answer within")


def test_a_compressed_bomb_is_unpacked_no_further_than_the_limit() -> None:
    packing = zlib.compressobj(wbits=31)
    bomb = b"".join(packing.compress(bytes(1 << 20)) for _ in range(64)) + packing.flush()
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    with serving(answer) as server, little_memory():
        assert look(http(server.url, contains="\0\0\0")).status is Status.OK


READ = {
    "Content-Type": b"text/html; charset=",
    "Content-Encoding": b"gzip",
    "Transfer-Encoding": b"chunked",
    "Content-Length": b"2",
    "Location": b"/",
    "Set-Cookie": b"a=1; Path=/; Expires=",
    "WWW-Authenticate": b"Basic",
    "X-Odd": b"x",
}
MORE = [
    b" ",
    b", ",
    b";",
    b'"',
    b" '",
    b"1",
    b"a",
    b"../",
    b"a=",
    b",a ",
    b"%",
    b"\r\n ",
    b"1:1:",
    b"://",
    b"[",
    b"\xff",
]


def where_it_matters(name: str) -> bytes:
    return {"Location": b"302 Go", "WWW-Authenticate": b"401 No", "Set-Cookie": b"302 Go"}.get(name, b"200 OK")


@pytest.mark.parametrize("name", READ)
def test_a_header_of_a_quarter_of_a_megabyte_is_read_in_little_time_whatever_it_holds(name: str) -> None:
    answer = b""
    with serving(lambda visit: visit.send(answer)) as server:
        for more in MORE:
            value = READ[name] + more * (250_000 // len(more))
            for status in (b"200 OK", b"302 Go", b"401 No") if TIMES > 1 else (where_it_matters(name),):
                answer = b"HTTP/1.1 %s\r\n%s: %s;\r\n\r\nok" % (status, name.encode(), value)
                began = time.process_time()
                assert look(http(server.url, contains="x", redirects=2), 30.0).status is not Status.OK
                assert time.process_time() - began < 2, (more, status)


PARTS = [
    b"HTTP/1.1 ",
    b"200 OK",
    b"302 Go",
    b"100 C",
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked",
    b"Content-Encoding: gzip",
    b"Location: ",
    b"http://[",
    b"//",
    b"Content-Type: ",
    b"0",
    b"-1",
    b"5",
    b"\x1f\x8b",
    b'{"a":',
]
ANY_BYTES = st.lists(st.sampled_from(PARTS) | st.binary(max_size=12), max_size=14).map(b"".join)


def test_whatever_a_server_sends_there_is_one_result() -> None:
    answer = b""
    check_settings: dict[str, Any] = {"contains": "x", "json": {"a": JsonCondition.parse(1)}, "redirects": 1}
    with serving(lambda visit: visit.send(answer)) as server:

        @examples(50)
        @given(sent=ANY_BYTES | ANY_BYTES.map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest))
        def whatever(sent: bytes) -> None:
            nonlocal answer
            answer = sent
            assert look(http(server.url, **check_settings), 2.0).summary

        whatever()


def tls_server(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(made)
    return made
