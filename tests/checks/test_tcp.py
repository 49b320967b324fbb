"""A port that is open, closed, slow or speaks TLS, and what it says first."""

from __future__ import annotations

import datetime
import socket
import ssl
import struct
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.api import CheckError, Context, DurationAbove, Regex, Status
from agent.plugin.results import gather
from checks._network.addresses import Address
from checks._network.payload import Bytes, Exchange
from checks.tcp import Tcp
from checks.tcp.talk import BANNER_LIMIT, QUIET_SECONDS
from tests.checks.looks import found
from tests.checks.tcp_talk import look, step
from tests.stand_ins.http_servers import Visit, serving


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


@pytest.mark.parametrize("pattern", [r"^\+PONG$", r"^\+PONG\r\n$", r"(?m)^\+PONG$", r"PONG\r"])
def test_a_line_may_end_in_either_way(pattern: str) -> None:
    with serving(b"+PONG\r\n", greedy=False) as server:
        assert look(server, expect=Regex(pattern)).status is Status.OK
        assert look(server, expect=Regex(r"^\+PON$"), timeout=0.3).status is Status.CRITICAL


@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize(
    ("pattern", "status"),
    [
        ("^(?!.*error)", Status.CRITICAL),
        ("^status$", Status.CRITICAL),
        (r"^status: e\b", Status.CRITICAL),
        ("^status: error", Status.OK),
    ],
)
def test_a_line_is_judged_whole_where_its_end_may_undo_that_it_fits(pattern: str, status: Status, steps: int) -> None:
    def torn(visit: Visit) -> None:
        for piece in (b"hi\nstatus" if steps == 2 else b"status", b": e", b"rror\r\n"):
            visit.send(piece)
            visit.over.wait(0.02)
        visit.hang()

    expectation: dict[str, Any] = {"expect": Regex(pattern)}
    if steps:
        expectation = {"steps": (step(expect="^hi"), step(expect=pattern))[-steps:]}
    with serving(torn, greedy=False) as server:
        assert look(server, timeout=1.0, **expectation).status is status


def test_a_prompt_has_no_end_and_the_wait_for_one_is_not_counted() -> None:
    def prompt(visit: Visit) -> None:
        visit.send(b"login: ")
        visit.hang()

    with serving(prompt, greedy=False) as server:
        for expectation in ({"expect": Regex("login: $")}, {"steps": (step(expect="login: $"),)}):
            began = time.monotonic()
            result = look(server, **expectation)
            took = time.monotonic() - began
            measured = next(metric.value for metric in result.metrics if metric.name == "time")
            assert result.status is Status.OK
            assert took - measured >= QUIET_SECONDS - 0.01


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


MUCH = "x" * 5_000_000
"""More than the kernel takes of what nobody reads."""


def busy(visit: Visit) -> None:
    """Refuse as a server that has too many visitors, and end by a reset, for nothing of theirs was read."""
    visit.send(b"554 too many\r\n")
    visit.over.wait(0.05)
    visit.reset()


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        (
            {"send": MUCH, "expect": Regex("PONG")},
            Status.CRITICAL,
            "said '554 too many\\r\\n' and closed: waiting for PONG",
        ),
        ({"send": MUCH, "expect": Regex("^554")}, Status.OK, " answered in "),
        ({"expect": Regex("PONG")}, Status.CRITICAL, "said '554 too many\\r\\n' and closed: waiting for PONG"),
        ({"send": MUCH}, Status.CRITICAL, "connection reset by peer: sending"),
        (
            {"steps": (Exchange(expect=Regex("^5")), Exchange(send=MUCH, expect=Regex("^250")))},
            Status.CRITICAL,
            "step 2: waiting for ^250",
        ),
        ({"starttls": "ftp", "verify": False}, Status.CRITICAL, "said '554 too many\\r\\n' instead of 220"),
    ],
)
def test_what_a_server_said_before_it_hung_up_counts(settings: dict[str, Any], status: Status, words: str) -> None:
    with serving(busy, greedy=False) as server:
        result = look(server, **settings)
    assert result.status is status
    assert words in result.summary


def test_a_server_that_resets_within_its_reply_to_starttls_is_quoted() -> None:
    def breaks_off(visit: Visit) -> None:
        visit.send(b"220-we are")
        visit.over.wait(0.05)
        visit.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serving(breaks_off, greedy=False) as server:
        assert look(server, starttls="smtp", verify=False).summary.startswith("said '220-we are' and closed")


def test_a_server_without_a_site_of_this_name_says_what_to_set() -> None:
    def refuse(visit: Visit) -> None:
        visit.connection.recv(1000)
        visit.send(b"\x15\x03\x03\0\x02\x02\x70")

    with serving(refuse, greedy=False) as server:
        summary = look(server, tls=True, verify=False).summary
    assert summary.startswith("TLS error unrecognized name (the server has no site of this name; server_name asks for")


def test_a_name_that_is_none_is_critical() -> None:
    assert "looking up no-such-host.invalid" in look(22, host="no-such-host.invalid").summary


def test_ipv6_is_spoken() -> None:
    with serving(greet, address="::1", greedy=False) as server:
        assert look(server, host="::1", ip_version=6, expect=Regex("SSH")).status is Status.OK


def test_a_unix_socket_is_a_place_as_well(tmp_path: Path) -> None:
    path = str(tmp_path / "x.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        check = Tcp(unix_socket=path)
        assert gather(found(check.run(Context(timeout=2))))[0].summary.startswith(f"{path} answered in ")
    (result,) = gather(found(check.run(Context(timeout=2))))
    assert result.summary.startswith(f"connection refused: connecting to {path}")
    (result,) = gather(found(Tcp(unix_socket=f"{path}x").run(Context(timeout=2))))
    assert result.summary.startswith("no such file or directory: connecting to")


def test_a_connection_comes_from_the_source_address() -> None:
    def tell(visit: Visit) -> None:
        visit.send(visit.connection.getpeername()[0].encode())
        visit.hang()

    with serving(tell, greedy=False) as server:
        assert look(server, source="127.0.0.3", expect=Regex("^127.0.0.3$")).status is Status.OK
        localhost = look(server, host="localhost", source="127.0.0.4", expect=Regex("^127.0.0.4$"))
        assert localhost.status is Status.OK
        with pytest.raises(CheckError, match=r"source 192\.0\.2\.1 cannot be used: cannot assign requested address"):
            look(server, source="192.0.2.1")


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
    trust: dict[str, Any] = {"tls": True, "ca_file": str(tmp_path / "ca.pem"), "expect": Regex("SSH")}
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
    def problems(**settings: Any) -> list[str]:
        return [name for name, _ in Tcp(**({"address": Address("db", 1)} | settings)).problems()]

    assert problems(address=Address("db")) == problems(address=None) == ["address"]
    assert "host:port" in next(iter(Tcp().problems()))[1]
    assert problems(server_name="x") == ["server_name"]
    assert problems(server_name="x", starttls="smtp") == problems(server_name="x", tls=True) == []
    assert problems(tls=True, starttls="smtp") == ["starttls"]
    assert problems(unix_socket="/x") == problems(address=None, unix_socket="x") == ["unix_socket"]
    assert problems(address=None, unix_socket="/" + "ö" * 60) == ["unix_socket"]
    assert problems(address=None, unix_socket="/x", tls=True) == ["server_name"]
    assert problems(steps=(step(send="x"),), expect=Regex("x")) == problems(steps=(Exchange(),)) == ["steps"]
    assert problems(send="x", send_hex=Bytes(b"x")) == ["send_hex"]
    assert problems(expect=Regex("x"), expect_hex=Bytes(b"x")) == ["expect_hex"]
    assert problems(source="db") == problems(source="::1", ip_version=4) == ["source"]
