"""The tcp check: against servers on loopback that greet, drip, hang, reset, lie and speak TLS."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.api import CheckError, Context, DurationAbove, Regex, Result, Status
from agent.plugin.results import gathered
from checks._network.addresses import Address
from checks.tcp import BANNER_LIMIT, Tcp
from tests.http_servers import Server, Visit, serving


def look(server: Server | int, timeout: float = 5.0, host: str = "127.0.0.1", **settings: Any) -> Result:
    port = server if isinstance(server, int) else server.port
    check = Tcp(address=Address(host, port), **settings)
    (result,) = gathered(check.run(Context(timeout=timeout)))
    return result


def greet(visit: Visit) -> None:
    visit.send(b"SSH-2.0-OpenSSH_9.6\r\n")
    visit.hang()


def ping(visit: Visit) -> None:
    visit.send(b"+PONG\r\n" if visit.connection.recv(100) == b"PING\r\n" else b"-ERR\r\n")
    visit.hang()


def test_a_port_that_is_open_is_ok_and_measured() -> None:
    with serving(lambda visit: visit.hang(), greedy=False) as server:
        result = look(server, warning=DurationAbove.parse("2s"))
    assert result.status is Status.OK
    assert result.summary.startswith(f"127.0.0.1:{server.port} answered in ")
    assert {"time", "dns", "connect", "answer"} == {metric.name for metric in result.metrics}


def test_a_port_that_is_closed_is_critical() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = look(port)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"connection refused: connecting to 127.0.0.1:{port}")


def test_a_banner_is_expected() -> None:
    with serving(greet, greedy=False) as server:
        assert look(server, expect=Regex("^SSH-2")).status is Status.OK
        result = look(server, expect=Regex("^220 "), timeout=0.3)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("said only 'SSH-2.0-OpenSSH_9.6\\r\\n': waiting for ^220 ")


def test_what_is_sent_is_answered() -> None:
    with serving(ping, greedy=False) as server:
        assert look(server, send="PING\r\n", expect=Regex(r"^\+PONG")).status is Status.OK
        result = look(server, send="HELLO\r\n", expect=Regex(r"^\+PONG"), timeout=0.3)
    assert "said only '-ERR\\r\\n'" in result.summary


def test_a_slow_answer_passes_the_levels() -> None:
    with serving(lambda visit: visit.drip(b"220 ready", 0.01), greedy=False) as server:
        result = look(server, expect=Regex("ready"), warning=DurationAbove.parse("50ms"))
    assert result.status is Status.WARNING


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (lambda visit: visit.hang(), "no answer within 300ms: waiting for READY"),
        (lambda visit: visit.drip(b"x" * 1000), "said only 'xxx"),
        (lambda visit: visit.reset(), "connection reset by peer"),
        (lambda visit: None, "the server closed the connection"),
        (lambda visit: visit.send(b"bye\n"), "said 'bye\\n' and closed"),
        (lambda visit: visit.for_ever(b"\xff\x00" * 50_000), "and more"),
    ],
)
def test_no_such_answer_is_critical_in_time(talk: Any, reason: str) -> None:
    began = time.monotonic()
    with serving(talk, greedy=False) as server:
        result = look(server, expect=Regex("READY"), timeout=0.3)
        assert time.monotonic() - began < 0.8
    assert result.status is Status.CRITICAL
    assert reason in result.summary
    assert len(result.summary) < BANNER_LIMIT


def test_a_name_that_is_none_is_critical() -> None:
    assert "looking up no-such-host.invalid" in look(22, host="no-such-host.invalid").summary


def test_ipv6_is_spoken() -> None:
    with serving(greet, address="::1", greedy=False) as server:
        assert look(server, host="::1", ip_version=6, expect=Regex("SSH")).status is Status.OK


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_server(authority: trustme.CA, days: float = 90) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    authority.issue_cert("127.0.0.1", "mail.example.com", common_name="mail", not_after=until).configure_cert(made)
    return made


def test_over_tls_the_certificate_is_verified_and_watched(authority: trustme.CA, tmp_path: Path) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trust = {"tls": True, "ca_file": str(tmp_path / "ca.pem"), "expect": Regex("SSH")}
    with serving(greet, tls=tls_server(authority), greedy=False) as server:
        assert look(server, **trust).status is Status.OK
        assert look(server, **trust, server_name="mail.example.com").status is Status.OK
        assert server.server_names[-1] == "mail.example.com"
        assert "certificate refused" in look(server, tls=True).summary
        assert "certificate refused" in look(server, **trust, server_name="www.example.com").summary
        assert look(server, tls=True, verify=False).status is Status.OK
    with serving(greet, tls=tls_server(authority, 10.5), greedy=False) as server:
        result = look(server, **trust)
    assert result.status is Status.WARNING
    assert result.summary.startswith("certificate 'mail' expires in 10d")


def test_a_port_without_tls_is_told_from_one_that_is_closed() -> None:
    with serving(greet, greedy=False) as server:
        assert "what answers does not speak TLS" in look(server, tls=True).summary
    with serving(lambda visit: visit.hang(), greedy=False) as server:
        assert "no answer within 300ms: TLS handshake" in look(server, tls=True, timeout=0.3).summary


def test_cas_that_cannot_be_read_are_our_fault() -> None:
    with pytest.raises(CheckError, match="No such file"):
        look(1, tls=True, ca_file="/nowhere.pem")


def test_settings_that_cannot_be_meant_are_problems() -> None:
    assert [name for name, _ in Tcp(address=Address("db")).problems()] == ["address"]
    assert [name for name, _ in Tcp(address=Address("db", 1), server_name="x").problems()] == ["server_name"]
