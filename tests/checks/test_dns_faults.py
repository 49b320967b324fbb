"""Servers that refuse, lie, cut, lose and hang: the check says what it is, in time."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from agent.api import Context, Status
from agent.plugin.results import gather
from checks._network.datagrams import patience
from checks.dns import Dns
from tests.checks.dns_talk import A1, A2, encoded, look, question_of, reply, serving
from tests.checks.looks import found


@pytest.mark.parametrize(
    ("code", "said"), [(2, "server failure"), (3, "no such name"), (5, "refused"), (9, "error NOTAUTH")]
)
def test_an_error_is_critical_and_named(code: int, said: str) -> None:
    with serving(lambda query: [reply(query, code=code)]) as server:
        result = look(server)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith(f"{said}: asking {server} for A of www.example.com")


def test_lies_and_noise_are_not_taken_for_the_answer() -> None:
    def talk(query: bytes) -> list[bytes]:
        wrong = bytes([query[0] ^ 1, query[1]])
        other = query[:12] + encoded("evil.example.org") + question_of(query)[-4:]
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
    assert "what came" not in result.summary


@pytest.mark.parametrize("says", [lambda query: query, lambda query: b"", lambda query: b"hello, who is there?"])
def test_what_comes_and_is_no_answer_is_told(says: Callable[[bytes], bytes]) -> None:
    with serving(lambda query: [says(query)]) as server:
        result = look(server, timeout=0.3)
    assert result.status is Status.CRITICAL
    assert result.summary.endswith("; what came is no answer to this question")


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

    def resolve(*asked: Any) -> list[tuple[Any, ...]]:
        hang.wait(10)
        return []

    check = Dns(name="hanging.example.com")
    (result,) = gather(found(check.look(Context(timeout=0.2), resolve)))
    hang.set()
    assert result.summary.startswith("no answer within ")


NS, SOA = "example.com. 60 IN NS ns1.example.com.", "example.com. 60 IN SOA ns. h. 1 2 3 4 5"


ALIAS = "www.example.com. 60 IN CNAME b.test."


WITHOUT_VALUES: dict[str, tuple[list[str], list[str], bool, str]] = {
    "an empty answer": ([], [], True, "the name has no such record"),
    "its zone": ([], [SOA], True, "the name has no such record"),
    "its zone and who serves it": ([], [SOA, NS], False, "the name has no such record"),
    "who serves it, from one who knows": ([], [NS], True, "the name has no such record"),
    "an alias with its zone": ([ALIAS], [SOA], True, "b.test, its alias, has no such record"),
    "an alias": ([ALIAS], [], True, "it is an alias of b.test, for which the server has no A"),
    "others below": ([], [NS], False, "the server knows nothing of the name, it refers to ns1.example.com."),
    "others above": ([], [". 60 IN NS a.root."], False, "the server knows nothing of the name, it refers to a.root."),
}
"""Of an answer without a value: its answer and authority sections, whether it has authority, and what that is."""


def rrset(text: str) -> dns.rrset.RRset:
    name, ttl, *rest = text.split(" ", 4)
    return dns.rrset.from_text(name, int(ttl), *rest)


@pytest.mark.parametrize("case", WITHOUT_VALUES)
def test_that_a_server_knows_nothing_is_not_that_there_is_nothing(case: str) -> None:
    answer, authority, knows, said = WITHOUT_VALUES[case]

    def talk(query: bytes) -> list[bytes]:
        made = dns.message.make_response(dns.message.from_wire(query))
        made.flags |= dns.flags.AA if knows else 0
        for section, records in ((made.answer, answer), (made.authority, authority)):
            section += [rrset(record) for record in records]
        return [made.to_wire()]

    with serving(talk) as server:
        result, wanted = look(server), look(server, rcode="NODATA")
    assert (result.status, result.summary.partition(": asking")[0]) == (Status.CRITICAL, said)
    assert wanted.status is (Status.CRITICAL if "knows nothing" in said else Status.OK)


@pytest.mark.parametrize(
    ("code", "text", "said"),
    [
        (6, "", "server failure (dnssec bogus): asking"),
        (
            22,
            "at delegation example.com.",
            "server failure (no reachable authority at delegation example.com.): asking",
        ),
        (65000, None, "server failure (code 65000): asking"),
        (0, "x" * 800, f"server failure (other {'x' * 100}): asking"),
    ],
)
def test_an_error_is_told_with_the_servers_reason(code: int, text: str | None, said: str) -> None:
    def talk(query: bytes) -> list[bytes]:
        made = dns.message.make_response(dns.message.from_wire(query))
        made.set_rcode(dns.rcode.SERVFAIL)
        made.use_edns(0, payload=1232, options=[dns.edns.EDEOption(dns.edns.EDECode.make(code), text)])
        return [made.to_wire()]

    with serving(talk) as server:
        assert look(server).summary.startswith(said)


def test_an_answer_by_tcp_is_whole_whatever_it_says() -> None:
    def long(query: bytes) -> bytes:
        answer = reply(query, A1, cut=True)
        return struct.pack("!H", len(answer)) + answer

    with serving(lambda query: [reply(query, cut=True)], long) as server:
        assert look(server).summary.startswith("www.example.com A 192.0.2.1 in ")


def test_a_lost_datagram_is_sent_again_and_said() -> None:
    queries: list[bytes] = []

    def talk(query: bytes) -> list[bytes]:
        queries.append(query)
        return [reply(query, A1)] if len(queries) > 1 else []

    with serving(talk) as server:
        result = look(server, timeout=1.5)
    assert result.status is Status.OK
    assert "A 192.0.2.1, only at try 2, in " in result.summary
    assert queries[0][:2] == queries[1][:2]


def test_the_second_try_comes_in_time_however_short_the_timeout_is() -> None:
    for left in (0.1, 1.0, 3.0, 10.0, 60.0):
        waits = patience(left)
        assert next(waits) + next(waits) <= left


@pytest.mark.parametrize("code", [1, 4])
def test_a_server_that_knows_no_edns_is_asked_without(code: int) -> None:
    def talk(query: bytes) -> list[bytes]:
        return [reply(query, code=code) if query[11] else reply(query, A1)]

    with serving(talk) as server:
        assert look(server, expect="192.0.2.1").status is Status.OK
    with serving(lambda query: [reply(query, code=code)]) as server:
        assert look(server).status is Status.CRITICAL


@pytest.mark.parametrize("code", [1, 2, 4, 5])
def test_an_error_without_a_question_is_told_at_once(code: int) -> None:
    def talk(query: bytes) -> list[bytes]:
        return [query[:2] + struct.pack("!HHHHH", 0x8180 | code, 0, 0, 0, 0)]

    began = time.monotonic()
    with serving(talk) as server:
        result = look(server, timeout=20)
    assert result.summary.startswith(("format error: ", "server failure: ", "not implemented: ", "refused: ")), (
        result.summary
    )
    assert time.monotonic() - began < 10


def test_tcp_that_fails_after_udp_says_that_udp_answered() -> None:
    with serving(lambda query: [reply(query, cut=True)]) as server:
        result = look(server)
    assert "by TCP, because its answer by UDP was cut" in result.summary
