"""The udp check: against servers on loopback that answer, lie, lose datagrams and are not there."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from agent.api import CheckError, Context, DurationAbove, Regex, Result, Status
from agent.plugin.results import gather
from checks._network import datagrams
from checks._network.addresses import Address
from checks._network.network import Network
from checks._network.payload import Bytes
from checks._network.progress import Progress
from checks.udp import Udp
from tests.checks.dns_talk import serving
from tests.checks.looks import found


def look(address: Address, timeout: float = 3.0, **settings: Any) -> Result:
    given: dict[str, Any] = {"address": address, "send": "ping"}
    check = Udp(**given | settings)
    (result,) = gather(found(check.run(Context(timeout=timeout))))
    return result


def echo(question: bytes) -> list[bytes]:
    return [b"\xff" + question]


def test_an_answer_is_ok_measured_and_judged() -> None:
    with serving(echo) as server:
        result = look(server)
        assert look(server, critical=DurationAbove.parse("0s")).status is Status.CRITICAL
    assert (result.status, result.metrics[0].name) == (Status.OK, "time")
    assert result.summary.startswith(f"{server} answered in ")


def test_text_and_bytes_are_sent_and_expected() -> None:
    with serving(echo) as server:
        assert look(server, expect=Regex("ping$")).status is Status.OK
        assert (
            look(server, send="", send_hex=Bytes.parse("00ff"), expect_hex=Bytes.parse("ff 00 ff")).status is Status.OK
        )
        result = look(server, expect=Regex("pong"))
    assert (result.status, result.summary[:28]) == (Status.CRITICAL, "said '�ping', expected pong,")


def test_an_answer_without_content_is_one() -> None:
    with serving(lambda question: [b""]) as server:
        assert look(server).status is Status.OK
        assert look(server, expect=Regex("x")).status is Status.CRITICAL


def test_a_lost_datagram_is_sent_again_and_said() -> None:
    asked: list[bytes] = []

    def talk(question: bytes) -> list[bytes]:
        asked.append(question)
        return [b"late"] if len(asked) > 1 else []

    with serving(talk) as server:
        result = look(server, timeout=1.5)
    assert (result.status, result.summary[-15:]) == (Status.OK, ", only at try 2")


def test_no_answer_and_a_closed_port_are_critical_in_time() -> None:
    began = time.monotonic()
    with serving(lambda question: []) as server:
        result = look(server, timeout=0.3)
    assert time.monotonic() - began < 1
    assert result.summary == f"no answer within 300ms: waiting for an answer of {server} by UDP"
    assert look(server).summary.startswith("connection refused: waiting for an answer")


def test_a_name_that_is_none_and_a_wrong_source_are_told_apart() -> None:
    assert "looking up no-such-host.invalid" in look(Address("no-such-host.invalid", 1)).summary
    with serving(echo) as server:
        assert look(Address("localhost", server.port), source="127.0.0.3").status is Status.OK
        with pytest.raises(CheckError, match=r"source 192\.0\.2\.1 cannot be used"):
            look(server, source="192.0.2.1")


def test_of_localhost_one_address_is_enough() -> None:
    def getaddrinfo(*asked: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET6, 0, 0, "", ("::1", 0, 0, 0)), (socket.AF_INET, 0, 0, "", ("127.0.0.1", 0))]

    with serving(echo) as server:
        network = Network(Context(), Progress(time.monotonic() + 5), getaddrinfo)
        places = asyncio.run(datagrams.places(Address("localhost", server.port), socket.AF_UNSPEC, network))
        asked = datagrams.ask(places, lambda _: b"x", lambda _, datagram: datagram, network)
        assert asyncio.run(asked) == (b"\xffx", 1)
        assert len(asyncio.run(datagrams.places(Address("web", 1), socket.AF_UNSPEC, network))) == 1


def test_localhost_is_both_addresses_where_the_hosts_file_names_one() -> None:
    def getaddrinfo(*asked: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, 0, 0, "", ("127.0.0.1", 0))]

    network = Network(Context(), Progress(time.monotonic() + 5), getaddrinfo)
    places = asyncio.run(datagrams.places(Address("localhost", 9), socket.AF_UNSPEC, network))
    assert places == [Address("127.0.0.1", 9), Address("::1", 9)]


def test_settings_that_cannot_be_meant_are_problems() -> None:
    def problems(**settings: Any) -> list[str]:
        given: dict[str, Any] = {"address": Address("a", 1), "send": "x"}
        return [name for name, _ in Udp(**given | settings).problems()]

    assert problems() == []
    assert problems(address=Address("a")) == ["address"]
    assert problems(send="") == problems(send="\xff") == ["send"]
    assert problems(send_hex=Bytes(b"x")) == ["send_hex"]
    assert problems(source="a") == ["source"]
