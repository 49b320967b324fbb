"""The dns check: against servers on loopback that answer, lie, cut, hang, and say anything at all."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import Context, DurationAbove, Result, Status
from agent.results import gathered
from checks._network.addresses import Address
from checks.dns import RECORDS, Dns, Question, read

NAME = b"\x03www\x07example\x03com\x00"


def encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(kind: str, value: bytes, owner: bytes = b"\xc0\x0c") -> bytes:
    """Write one record; by default for the name that was asked for, by a pointer to it."""
    return owner + struct.pack("!HHIH", RECORDS[kind], 1, 60, len(value)) + value


def reply(query: bytes, *records: bytes, code: int = 0, cut: bool = False, number: bytes = b"") -> bytes:
    flags = 0x8180 | code | (0x0200 if cut else 0)
    return (number or query[:2]) + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + query[12:] + b"".join(records)


A1, A2 = record("A", bytes([192, 0, 2, 1])), record("A", bytes([192, 0, 2, 2]))
Talk = Callable[[bytes], list[bytes]]


@contextlib.contextmanager
def serving(talk: Talk, by_tcp: Callable[[bytes], bytes] | None = None) -> Iterator[Address]:
    """Answer each query with the datagrams that `talk` returns; by TCP, on the same port, with those bytes."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.create_server(("127.0.0.1", 0))
    udp.bind(tcp.getsockname())
    over = threading.Event()

    def datagrams() -> None:
        udp.settimeout(0.05)
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                query, peer = udp.recvfrom(4096)
                for answer in talk(query):
                    udp.sendto(answer, peer)

    def streams() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = tcp.accept()
                with connection:
                    query = connection.recv(4096)
                    connection.sendall(by_tcp(query[2:]) if by_tcp else b"")

    threads = [threading.Thread(target=work, daemon=True) for work in (datagrams, streams)]
    for thread in threads:
        thread.start()
    try:
        yield Address(*udp.getsockname())
    finally:
        over.set()
        tcp.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        udp.close()
        tcp.close()


def look(server: Address | None, timeout: float = 3.0, **settings: Any) -> Result:
    check = Dns(**({"name": "www.example.com", "server": server} | settings))
    (result,) = gathered(check.run(Context(timeout=timeout)))
    return result


def test_a_name_with_an_answer_is_ok() -> None:
    with serving(lambda query: [reply(query, A2, A1)]) as server:
        result = look(server)
        assert look(server, critical=DurationAbove.parse("0s")).status is Status.CRITICAL
    assert result.status is Status.OK
    assert result.summary.startswith("www.example.com A 192.0.2.1, 192.0.2.2 in ")
    assert [metric.name for metric in result.metrics] == ["time"]


def test_the_answer_must_be_exactly_what_is_expected() -> None:
    with serving(lambda query: [reply(query, A2, A1)]) as server:
        assert look(server, expect=("192.0.2.1", "192.0.2.2")).status is Status.OK
        assert look(server, expect="192.0.2.1").status is Status.CRITICAL
        result = look(server, expect=("192.0.2.1", "192.0.2.3"))
    assert result.summary.startswith("expected 192.0.2.1, 192.0.2.3, www.example.com A 192.0.2.1, 192.0.2.2")


VALUES = {
    "AAAA": (bytes.fromhex("20010db8000000000000000000000001"), "2001:DB8:0::1"),
    "CNAME": (encoded("web.example.net"), "Web.example.net."),
    "MX": (b"\x00\x0a" + encoded("mail") [:-1] + b"\xc0\x10", "10 mail.example.com"),
    "NS": (encoded("ns1.example.net"), "ns1.example.net"),
    "PTR": (encoded("host.example.net"), "host.example.net"),
    "SOA": (encoded("ns1") + encoded("hostmaster") + struct.pack("!5I", 7, 1, 2, 3, 4), "ns1 hostmaster 7 1 2 3 4"),
    "SRV": (struct.pack("!HHH", 1, 2, 5060) + encoded("sip.example.net"), "1 2 5060 sip.example.net"),
    "TXT": (b"\x0bv=spf1 -all\x00\x03 \xffx", 'v=spf1 -all \\xffx'),
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_each_kind_of_record_is_read_as_dig_shows_it(kind: str) -> None:
    value, shown = VALUES[kind]
    with serving(lambda query: [reply(query, record(kind, value))]) as server:
        assert look(server, record=kind, expect=shown).status is Status.OK


def test_an_alias_is_followed_and_a_record_of_another_name_is_not_taken() -> None:
    alias = record("CNAME", encoded("web.example.net"))
    foreign = record("A", bytes([203, 0, 113, 9]), encoded("evil.example.org"))
    real = record("A", bytes([192, 0, 2, 7]), encoded("web.example.net"))
    with serving(lambda query: [reply(query, foreign, alias, real)]) as server:
        assert look(server, expect="192.0.2.7").status is Status.OK
    with serving(lambda query: [reply(query, foreign)]) as server:
        assert "the name has no such record" in look(server).summary


@pytest.mark.parametrize(("code", "said"), [(2, "server failure"), (3, "no such name"), (5, "refused"), (9, "error 9")])
def test_an_error_is_critical_and_named(code: int, said: str) -> None:
    with serving(lambda query: [reply(query, code=code)]) as server:
        result = look(server)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"{said}: asking {server} for A of www.example.com")


def test_lies_and_noise_are_not_taken_for_the_answer() -> None:
    def talk(query: bytes) -> list[bytes]:
        wrong = bytes([query[0] ^ 1, query[1]])
        other = query[:12] + encoded("evil.example.org") + query[-4:]
        return [b"", b"\0" * 12, query, reply(query, A2, number=wrong), reply(other, A2), reply(query, A1)]

    with serving(talk) as server:
        assert look(server, expect="192.0.2.1").status is Status.OK


def test_a_broken_answer_is_critical() -> None:
    with serving(lambda query: [reply(query, A1)[:-1]]) as server:
        assert look(server).summary.startswith("a broken answer: ")


def test_a_server_that_does_not_answer_is_critical_in_time() -> None:
    began = time.monotonic()
    with serving(lambda query: []) as server:
        result = look(server, timeout=0.3)
        assert time.monotonic() - began < 0.8
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("no answer within 300ms: asking ")


def test_a_port_that_is_closed_is_known_at_once() -> None:
    with serving(lambda query: []) as server:
        pass
    assert look(server).summary.startswith("connection refused")


def test_an_answer_that_is_cut_is_asked_for_by_tcp() -> None:
    def whole(query: bytes) -> bytes:
        answer = reply(query, *[A1] * 100)
        return struct.pack("!H", len(answer)) + answer

    with serving(lambda query: [reply(query, cut=True)], whole) as server:
        assert look(server, expect="192.0.2.1").status is Status.OK
    with serving(lambda query: [reply(query, cut=True)], lambda query: whole(query)[:50]) as server:
        assert "the server closed the connection: asking" in look(server).summary
    with serving(lambda query: [reply(query, cut=True)], lambda query: b"\x00\x02hi") as server:
        assert "a broken answer" in look(server).summary


def test_without_a_server_this_host_is_asked() -> None:
    assert look(None, name="localhost", expect="127.0.0.1").status is Status.OK
    assert "asking this host for A of no-such-host.invalid" in look(None, name="no-such-host.invalid").summary


def test_a_resolver_that_hangs_is_critical_in_time() -> None:
    hang = threading.Event()
    check = Dns(name="hanging.example.com")
    (result,) = gathered(check.looked(Context(timeout=0.2), lambda *asked: hang.wait(10) and []))
    hang.set()
    assert result.summary.startswith("no answer within ")


def test_a_pointer_in_a_circle_ends() -> None:
    question = Question(1, "www.example.com", 1)
    query = bytes(question)
    answer = read(question, reply(query, record("A", b"\0\0\0\0", bytes([0xC0, len(query)]))))
    assert answer is not None
    assert answer.failure == "a broken answer"


@given(st.binary(max_size=200), st.sampled_from(sorted(RECORDS)))
def test_no_bytes_break_the_reader(noise: bytes, kind: str) -> None:
    question = Question(1, "www.example.com", RECORDS[kind])
    read(question, noise)
    query = bytes(question)
    read(question, query[:2] + b"\x81\x80\0\1\0\3\0\0\0\0" + query[12:] + noise)
    read(question, reply(query, record(kind, noise)))


def test_settings_that_cannot_be_meant_are_problems() -> None:
    def problems(**settings: Any) -> list[str]:
        return [setting for setting, _ in Dns(**settings).problems()]

    assert problems(name="a..b") == ["name"]
    assert problems(name="example.com", record="MX") == ["record"]
    assert problems(name="example.com", server=Address("ns1.example.com")) == ["server"]
    assert problems(name="example.com.", record="MX", server=Address("::1")) == []
