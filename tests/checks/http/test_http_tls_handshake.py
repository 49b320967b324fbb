"""Versions of TLS, client certificates, proxies, and servers that end within the handshake."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from agent.api import CheckError, Status
from checks._network.reasons import TLS_HINTS, reason
from checks.http.addresses import ProxyUrl
from checks.http.expectations import TlsVersion
from tests.checks.http.tls_servers import look_at, tls_serving
from tests.stand_ins.http_servers import OK, Visit, http, look, metric, serving


def test_an_old_tls_version_is_refused(authority: trustme.CA, ca_file: str) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1").configure_cert(old)
    with serving(tls=old) as server:
        assert "TLSv1.2" in look_at(server, ca_file).details
        result = look_at(server, ca_file, min_tls_version=TlsVersion("1.3"))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("TLS error ")
    assert "protocol version" in result.summary


def test_a_server_that_wants_a_client_certificate_gets_it(authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    strict.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(strict)
    authority.issue_cert("127.0.0.1").configure_cert(strict)
    mine = authority.issue_cert("me@example.com")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    with serving(tls=strict) as server:
        assert look_at(server, ca_file, client_cert=str(tmp_path / "me.pem")).status is Status.OK
        result = look_at(server, ca_file)
    assert result.status is Status.CRITICAL
    assert "the server wants a client certificate" in result.summary


def test_a_server_may_ask_for_the_client_certificate_after_it_has_read_the_request(
    authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    """As Apache does by TLS 1.3 where only some paths want one."""
    later = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    later.verify_mode, later.post_handshake_auth = ssl.CERT_REQUIRED, True
    later.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.configure_trust(later)
    authority.issue_cert("127.0.0.1").configure_cert(later)
    authority.issue_cert("me@example.com").private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")

    def ask(visit: Visit) -> None:
        assert isinstance(visit.connection, ssl.SSLSocket)
        try:
            visit.connection.verify_client_post_handshake()
        except ssl.SSLError:
            visit.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        visit.send(b"HTTP/1.1 100 Continue\r\n\r\n")  # carries the question
        visit.connection.settimeout(0.05)
        for _ in range(200):  # nothing comes but the certificate
            with contextlib.suppress(TimeoutError):
                visit.connection.recv(1)
            if visit.connection.getpeercert():
                break
        visit.send(OK)

    with serving(ask, tls=later) as server:
        assert look_at(server, ca_file, client_cert=str(tmp_path / "me.pem")).status is Status.OK
        assert look_at(server, ca_file).summary.startswith("403 in ")


@pytest.mark.parametrize("name", sorted(TLS_HINTS))
def test_an_error_of_tls_is_explained_whether_python_knows_its_name_or_not(name: str) -> None:
    known = ssl.SSLError(1, f"[SSL: {name}] {name.lower().replace('_', ' ')} (_ssl.c:1006)")
    words = ssl.SSLError(1, f"[SSL] {name.lower().replace('_', ' ')} (_ssl.c:1006)")
    known.reason = name
    words.reason = None  # type: ignore[assignment]  # so it is where Python does not know the name
    assert reason(known, 1.0) == reason(words, 1.0)
    assert TLS_HINTS[name] in reason(words, 1.0)


def test_plain_http_on_a_tls_port_and_the_other_way_round_are_told_apart(authority: trustme.CA, ca_file: str) -> None:
    with serving(b"HTTP/1.1 400 Bad\r\n\r\n", greedy=False) as server:
        assert look_at(server, ca_file).summary.startswith(
            ("what answers does not speak TLS: TLS handshake", "TLS error ")
        )
    with tls_serving(authority) as server:
        assert look(http(server.url)).status is Status.CRITICAL


def test_https_goes_through_a_proxy_by_connect(authority: trustme.CA, ca_file: str) -> None:
    def relay(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("shop.invalid").configure_cert(made)
        visit.connection.settimeout(5)
        with made.wrap_socket(visit.connection, server_side=True) as inner:
            inner.recv(65536)
            inner.sendall(OK)

    with serving(relay) as proxy:
        way = ProxyUrl.parse(f"http://u:p@127.0.0.1:{proxy.port}")
        result = look(http("https://shop.invalid/", proxy=way, ca_file=ca_file, bearer_token="secret"))
    assert result.status is Status.OK, result.summary
    assert proxy.requests[0].startswith(b"CONNECT shop.invalid:443 HTTP/1.1\r\nHost: shop.invalid:443\r\n")
    assert b"Proxy-Authorization: Basic dTpw\r\n" in proxy.requests[0]
    assert b"secret" not in proxy.requests[0]
    assert metric(result, "certificate").value > 0


def test_a_proxy_that_refuses_is_told_from_a_server_that_is_down() -> None:
    with serving(b"HTTP/1.1 407 Who\r\n\r\n") as proxy:
        way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(CheckError, match="refuses us: write user and password"):
            look(http("https://shop.invalid/", proxy=way))
    with serving(b"HTTP/1.1 502 Gone\r\n\r\n") as proxy:
        way = ProxyUrl.parse(f"http://127.0.0.1:{proxy.port}")
        result = look(http("https://shop.invalid/", proxy=way))
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"the proxy answered 502: asking the proxy {way} for shop.invalid")


@pytest.mark.parametrize(("offered", "said"), [(["http/1.1"], ""), ([], "; perhaps it speaks HTTP/2 only")], ids=str)
def test_a_server_that_agreed_to_http_1_is_not_said_to_speak_another(
    offered: list[str], said: str, authority: trustme.CA, ca_file: str
) -> None:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    made.set_alpn_protocols(offered)
    with serving(b"", tls=made) as server:
        summary = look_at(server, ca_file).summary
    # What took long is said: where the processor is busy that may be the handshake.
    without_times = re.sub(r" \(tls [\d.]+ms\)", "", summary)
    assert without_times == f"the server closed the connection: waiting for the headers{said}"


@pytest.mark.parametrize("kind", [ssl.SSLEOFError, ssl.SSLZeroReturnError])
def test_an_end_is_told_alike_whatever_a_python_calls_it(kind: type[ssl.SSLError]) -> None:
    assert (
        reason(kind(8, "EOF occurred in violation of protocol (_ssl.c:992)"), 5.0) == "the server closed the connection"
    )


def test_an_end_within_the_handshake_is_an_end(ca_file: str) -> None:
    def leave(visit: Visit) -> None:
        visit.connection.recv(10)
        visit.connection.shutdown(socket.SHUT_WR)
        visit.connection.recv(65536)

    with serving(leave, greedy=False) as server:
        result = look_at(server, ca_file)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("the server closed the connection: TLS handshake with 127.0.0.1")
