"""Which way a request takes: addresses of a name, zones, international names, sockets and sources."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.api import CheckError, Context, Size, Status
from checks._network.addresses import Address, host_name
from checks._network.connection import connect, socket_path_problem
from checks._network.lookup import _parse_ip_literal, resolve
from checks._network.network import Network
from checks._network.progress import Progress
from checks.http.addresses import HttpUrl
from tests.stand_ins.http_servers import OK, Visit, http, look, serving


def answering(*addresses: str) -> Any:
    """Return a resolver that says these addresses for every name."""

    def getaddrinfo(_: bytes, __: None, family: int, *___: Any) -> list[tuple[Any, ...]]:
        kinds = {one: socket.AF_INET6 if ":" in one else socket.AF_INET for one in addresses}
        wheres = {one: (one, 0, 0, 0) if ":" in one else (one, 0) for one in addresses}
        return [
            (kind, socket.SOCK_STREAM, 6, "", wheres[one])
            for one, kind in kinds.items()
            if family in (kind, socket.AF_UNSPEC)
        ]

    return getaddrinfo


BOTH = answering("::1", "127.0.0.1")


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "app.localhost", "localhost.localdomain"])
def test_of_localhost_each_address_is_tried(name: str) -> None:
    with serving() as server:
        assert look(http(f"http://{name}:{server.port}/"), getaddrinfo=BOTH).status is Status.OK
        result = look(http(f"http://{name}:{server.port}/", ip_version=6), getaddrinfo=BOTH)
        assert result.summary.startswith(f"connection refused: connecting to [::1]:{server.port}")
    result = look(http(f"http://{name}:{server.port}/"), getaddrinfo=BOTH)
    assert result.summary.startswith(f"connection refused: connecting to 127.0.0.1:{server.port}")


def test_localhost_is_both_addresses_where_the_hosts_file_names_one() -> None:
    """Containers name 127.0.0.1 alone; curl and browsers ask no hosts file."""
    with serving(address="::1") as server:
        url = f"http://localhost:{server.port}/"
        assert look(http(url), getaddrinfo=answering("127.0.0.1")).status is Status.OK
        assert look(http(url, ip_version=4), getaddrinfo=answering("127.0.0.1")).status is Status.CRITICAL
    result = look(http(url), getaddrinfo=answering("127.0.0.1"))
    assert result.summary.startswith(f"connection refused: connecting to 127.0.0.1:{server.port}")


def test_a_name_of_this_host_needs_nobody_who_knows_it() -> None:
    def unknown(*_: object, **__: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with serving() as server:
        for name in ("app.localhost", "localhost."):
            assert look(http(f"http://{name}:{server.port}/"), getaddrinfo=unknown).status is Status.OK
        result = look(http(f"http://app.localhost:{server.port}/", ip_version=6), getaddrinfo=unknown)
        assert result.summary.startswith(f"connection refused: connecting to [::1]:{server.port}")
        result = look(http(f"http://localhost.example:{server.port}/"), getaddrinfo=unknown)
        assert result.summary.startswith("name or service not known")


@pytest.mark.parametrize(
    ("addresses", "hint"),
    [
        (("::1", "127.0.0.1"), "127.0.0.1 was not tried: set ip_version: 4"),
        (("127.0.0.1", "127.0.0.2", "::1"), "::1 was not tried: set ip_version: 6"),
        (("127.0.0.1", "127.0.0.2"), "the name has 2 addresses, only the first was tried"),
    ],
)
def test_of_another_name_a_failure_says_which_address_was_not_tried(addresses: tuple[str, ...], hint: str) -> None:
    with serving() as gone:
        pass
    result = look(http(f"http://shop.invalid:{gone.port}/"), getaddrinfo=answering(*addresses))
    assert result.summary.startswith("connection refused: connecting to ")
    assert result.summary.endswith(f"; {hint}")


def test_tcp_and_certificate_go_the_same_way() -> None:
    with serving(greedy=False) as server:
        context = Context(timeout=5)
        stop = Address("localhost", server.port)
        network = Network(context, Progress(context.deadline), BOTH)
        with asyncio.run(connect(stop, socket.AF_UNSPEC, network)) as made:
            assert made.getpeername()[0] == "127.0.0.1"


def test_an_address_may_have_a_zone_which_stays_here() -> None:
    for written in ("http://[fe80::1%25lo]:81/a", "http://[FE80::1%lo]:81/a"):
        url = HttpUrl.parse(written)
        assert (url.host, str(url), url.authority) == ("fe80::1%lo", "http://[fe80::1%lo]:81/a", "[fe80::1]:81")
    assert Address.parse("[fe80::1%25eth0]:81") == Address.parse("[fe80::1%eth0]:81") == Address("fe80::1%eth0", 81)
    assert Address.parse("fe80::1%25eth0") == Address("fe80::1%eth0")


@pytest.mark.parametrize("family", [socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "0x7f000001", "::1", "::ffff:10.0.0.7", "fe80::1%lo", "web-1", "1.2.3"]
)
def test_an_address_is_read_as_the_host_reads_it_and_only_a_name_is_looked_up(host: str, family: int) -> None:
    asked: list[bytes] = []

    def names(name: bytes, *_: Any) -> list[tuple[Any, ...]]:
        asked.append(name)
        return [(socket.AF_INET, 1, 6, "", ("192.0.2.7", 0))]

    network = Network(Context(), Progress(time.monotonic() + 5), names)
    found = [asyncio.run(resolve(host, family, network)) for _ in range(2)]
    try:
        plain = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM, socket.IPPROTO_TCP, socket.AI_NUMERICHOST)
    except socket.gaierror:
        assert asked == [host.encode()] * 2
    else:
        assert found == [plain, plain]
        assert not asked


def test_a_zone_is_read_anew_each_time_as_its_interface_comes_and_goes() -> None:
    network = Network(Context(), Progress(time.monotonic() + 5), answering("192.0.2.7"))
    before = _parse_ip_literal.cache_info()
    for _ in range(2):
        asyncio.run(resolve("fe80::1%lo", socket.AF_UNSPEC, network))
    assert _parse_ip_literal.cache_info() == before


def test_an_interface_that_is_not_there_is_named() -> None:
    result = look(http("http://[fe80::1%25nope]:9/"), 1.0)
    assert (result.status, result.summary) == (
        Status.CRITICAL,
        "this host has no interface nope: looking up fe80::1%nope",
    )


def test_a_zone_is_shown_where_the_address_is() -> None:
    result = look(http("http://[fe80::1%25lo]:9/"), 1.0)
    assert "[fe80::1%lo]:9" in result.summary or "fe80::1%lo" in result.details


INTERNATIONAL = {
    "faß.de": "xn--fa-hia.de",
    "FASS.de": "fass.de",
    "Bücher.example": "xn--bcher-kva.example",
    "βόλος.com": "xn--nxasmm1c.com",
    "登.example": "xn--7wy.example",
    "क्‍ष.com": "xn--11b2ezcw70k.com",  # a joiner that IDNA 2003 drops
    "a_b.bücher.de": "a_b.xn--bcher-kva.de",
    "ex。ample.ü": "ex.ample.xn--tda",
    "xn--fa-hia.de": "xn--fa-hia.de",
}


@pytest.mark.parametrize("name", INTERNATIONAL)
def test_an_international_name_is_the_one_that_browsers_ask_for(name: str) -> None:
    assert host_name(name) == INTERNATIONAL[name]
    assert HttpUrl.parse(f"https://{name}/").host == INTERNATIONAL[name]
    assert Address.parse(f"{name}:81").host == INTERNATIONAL[name]
    assert not list(http("https://a/", server_name=name).problems())


@pytest.mark.parametrize("name", ["☃.net", "a‍b.com", "-ü.de", "ü..de", ".ü", "ü" * 300, "ü" * 64 + ".de", "a b.ü"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        host_name(name)


@pytest.mark.parametrize(("name", "ascii_name"), [("☕.example", "xn--53h.example"), ("_ü.de", "xn--_-eha.de")])
def test_a_name_that_only_browsers_take_is_refused_with_what_to_write(name: str, ascii_name: str) -> None:
    for parse in (host_name, Address.parse, HttpUrl.parse):
        with pytest.raises(ValueError, match=f"write {ascii_name}$"):
            parse(f"http://{name}/" if parse == HttpUrl.parse else name)


@contextmanager
def on_a_file(path: Path) -> Iterator[list[bytes]]:
    """Serve one answer on a unix socket."""
    listener, requests = socket.socket(socket.AF_UNIX), list[bytes]()
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            requests.append(connection.recv(65536))
            connection.sendall(OK)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield requests
    listener.close()
    thread.join(5)


def test_a_unix_socket_is_asked_with_the_host_of_the_url(tmp_path: Path) -> None:
    with on_a_file(tmp_path / "s") as requests:
        result = look(http("http://docker.example/_ping?x", unix_socket=str(tmp_path / "s"), contains="ok"))
    assert result.status is Status.OK, result.summary
    assert requests[0].startswith(b"GET /_ping?x HTTP/1.1\r\nHost: docker.example\r\n")
    assert str(tmp_path / "s") in result.details


def test_a_unix_socket_that_is_not_there_is_critical(tmp_path: Path) -> None:
    result = look(http("http://docker.example/", unix_socket=str(tmp_path / "gone")))
    assert (result.status, result.summary.split(" (")[0]) == (
        Status.CRITICAL,
        f"no such file or directory: connecting to {tmp_path}/gone",
    )


def test_what_is_no_socket_is_told_from_one_that_nobody_listens_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead"))
    for name, said in (("file", "it is no socket"), (".", "it is no socket"), ("dead", "nobody listens on it")):
        result = look(http("http://localhost/", unix_socket=str(tmp_path / name)))
        assert result.status is Status.CRITICAL
        assert result.summary.endswith(f"; {said}")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        *(
            ("unix:/run/a", "write /run/a$"),
            ("unix:///run/a", "write /run/a$"),
            ("a.sock", "for example /run/docker.sock"),
        ),
        *(("@abstract", "not a whole path"), ("/a\0b", "not a whole path"), ("/" + "x" * 107, "the 107 bytes")),
        *(("/" + "x" * 106, "^$"), ("/run/with space", "^$")),
    ],
)
def test_the_path_of_a_socket_is_a_whole_one(path: str, said: str) -> None:
    assert re.search(said, socket_path_problem(path))


def test_a_source_address_is_where_the_request_comes_from() -> None:
    peers: list[str] = []

    def talk(visit: Visit) -> None:
        peers.append(visit.connection.getpeername()[0])
        visit.send(OK)

    with serving(talk) as server:
        assert look(http(server.url, source="127.0.0.9")).status is Status.OK
        with pytest.raises(CheckError, match=r"source 192\.0\.2\.1 cannot be used"):
            look(http(server.url, source="192.0.2.1"))
    assert peers == ["127.0.0.9"]


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        ("source", {"source": "eth0"}),
        ("source", {"source": "127.0.0.1", "ip_version": 6}),
        ("unix_socket", {"unix_socket": "relative"}),
        ("unix_socket", {"unix_socket": "/" + "x" * 107}),
        ("unix_socket", {"unix_socket": "/s", "source": "127.0.0.1"}),
        ("unix_socket", {"unix_socket": "/s", "connect_to": Address("a")}),
        ("body_file", {"body_file": "/b", "body": "x"}),
        ("body_file", {"body_file": "b"}),
        ("body_limit", {"body_limit": Size(0), "contains": "x"}),
        ("method", {"method": "get"}),
    ],
)
def test_settings_that_cannot_be_are_named(setting: str, given: dict[str, Any]) -> None:
    assert [name for name, _ in http("http://a/", **given).problems()] == [setting]


def test_a_method_in_small_letters_says_how_it_is_written() -> None:
    assert next(iter(http("http://a/", method="get").problems()))[1].endswith("write GET")
