"""The ping check: real echo requests on loopback, and answers that are none of ours."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import CheckError, Context, DurationAbove, Metric, PercentAbove, Result, Status
from agent.plugin.results import gather
from checks import ping
from checks._network.addresses import Address
from checks.ping import ECHOES, Ping, PingSeries, _checksum, _socket, answer_to
from tests.checks.looks import found
from tests.host import needs

TOKEN = bytes(range(16))


@pytest.fixture
def may_ping() -> None:
    try:
        _socket(socket.AF_INET).close()
    except CheckError as error:
        needs.missing(f"the right to ping ({error})")


def look(host: str, timeout: float = 5.0, **settings: Any) -> Result:
    (result,) = gather(found(Ping(host=Address(host), **settings).run(Context(timeout=timeout))))
    return result


def metric(result: Result, name: str) -> Metric:
    return next(one for one in result.metrics if one.name == name)


@pytest.mark.usefixtures("may_ping")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_host_that_answers_is_ok(host: str) -> None:
    result = look(host, count=3)
    assert (result.status, result.summary[: len(host) + 20]) == (Status.OK, f"{host} lost 0% of 3 pings,")
    assert 0 < metric(result, "time").value <= metric(result, "time_max").value < 1


@pytest.mark.usefixtures("may_ping")
def test_a_ping_comes_from_the_source_address() -> None:
    assert look("localhost", source="127.0.0.3", count=1).status is Status.OK
    with pytest.raises(CheckError, match=r"source 192\.0\.2\.1 cannot be used"):
        look("127.0.0.1", source="192.0.2.1", count=1)


@pytest.mark.usefixtures("may_ping")
def test_slow_answers_pass_the_level() -> None:
    assert look("127.0.0.1", count=1, time_critical=DurationAbove.parse("0s")).status is Status.CRITICAL


@pytest.mark.usefixtures("may_ping")
def test_what_the_kernel_refuses_to_send_is_lost_and_said() -> None:
    result = look("255.255.255.255", timeout=0.5, count=1)
    assert result.status is Status.CRITICAL
    assert result.summary.startswith("255.255.255.255 lost 100% of 1 pings, permission denied")


def test_a_host_without_ipv6_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with ipv6.disable=1; it was told as a bug of the check."""

    def none(*_: int) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))

    monkeypatch.setattr(ping, "new_socket", none)
    result = look("::1")
    assert (result.status, result.summary) == (
        Status.CRITICAL,
        "address family not supported by protocol: pinging ::1",
    )


def test_a_name_that_is_none_is_critical() -> None:
    assert "looking up no-such-host.invalid" in look("no-such-host.invalid").summary


class Wire:
    """A socket that answers only some requests, and much that was never asked for."""

    def __init__(self, answered: set[int]) -> None:
        self.answered = answered
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ours.setblocking(False)
        self.fileno, self.recv = self.ours.fileno, self.ours.recv
        for noise in (os.urandom(40), b"", b"\x45"):
            self.theirs.send(noise)

    def sendto(self, message: bytes, where: object) -> None:
        number = int.from_bytes(message[6:8], "big")
        assert _checksum(message) == b"\0\0"
        if number in self.answered:
            for _ in range(2):  # as a broken network does
                self.theirs.send(b"\0\0\0\0" + message[4:])


def heard_on(wire: Wire, deadline: float) -> PingSeries:
    heard = PingSeries(wire, socket.AF_INET, ("192.0.2.1", 0))  # type: ignore[arg-type]
    with wire.ours, wire.theirs:
        asyncio.run(heard.listen(4, 0.01, deadline))
    return heard


@pytest.mark.parametrize(
    ("answered", "status"), [({0, 1, 2, 3}, Status.OK), ({0, 1, 3}, Status.WARNING), ({2}, Status.CRITICAL)]
)
def test_lost_requests_are_counted(answered: set[int], status: Status) -> None:
    # Whole it ends at once; a busy machine may take a second for the others.
    heard = heard_on(Wire(answered), time.monotonic() + (20.0 if len(answered) == 4 else 2.0))
    assert set(heard.took) == answered
    check = Ping(host=Address("192.0.2.1"), count=4)
    (result,) = gather(check._judge("x", heard))
    assert (result.status, metric(result, "loss").value) == (status, 100 - 25 * len(answered))


def test_a_host_without_an_answer_is_critical_in_time() -> None:
    began = time.monotonic()
    heard = heard_on(Wire(set()), began + 0.2)
    assert 0.1 < time.monotonic() - began < 0.5
    (result,) = gather(Ping(host=Address("192.0.2.1"), count=4)._judge("gw", heard))
    assert result.summary == "gw lost 100% of 4 pings (critical from 60%)"


def test_where_loss_is_switched_off_a_host_without_an_answer_is_nodata() -> None:
    heard = heard_on(Wire(set()), time.monotonic() + 0.1)
    check = Ping(host=Address("192.0.2.1"), loss_warning=None, loss_critical=None)
    (result,) = gather(check._judge("gw", heard))
    assert result.status is Status.NODATA
    assert result.summary.startswith("gw gave no answer whose time could be judged")


def test_an_answer_is_known_with_and_without_ip_header() -> None:
    answer = struct.pack("!BBHHH", 0, 0, 0, 77, 3) + TOKEN
    header = b"\x46" + bytes(23)  # with options
    assert answer_to(answer, socket.AF_INET, TOKEN) == answer_to(header + answer, socket.AF_INET, TOKEN) == 3
    assert answer_to(b"\x08" + answer[1:], socket.AF_INET, TOKEN) is None  # our own request, on loopback
    assert answer_to(b"\x81" + answer[1:], socket.AF_INET6, TOKEN) == 3
    assert answer_to(answer[:-1] + b"x", socket.AF_INET, TOKEN) is None


@given(st.binary(max_size=80))
def test_no_packet_is_taken_for_an_answer_but_one_with_our_token(packet: bytes) -> None:
    for family in ECHOES:
        assert answer_to(packet, family, TOKEN) is None or TOKEN in packet


def test_settings_that_cannot_be_meant_are_problems() -> None:
    assert [name for name, _ in Ping(host=Address("gw", 80)).problems()] == ["host"]
    assert [name for name, _ in Ping(host=Address("gw"), source="eth0").problems()] == ["source"]
    for written in ("::ffff:127.0.0.1", "::ffff:7f00:1"):
        ((name, words),) = Ping(host=Address.parse(written)).problems()
        assert (name, words.endswith(": write 127.0.0.1")) == ("host", True)
    assert list(Ping(host=Address("gw"), loss_warning=PercentAbove.parse("1%")).problems()) == []


@pytest.mark.usefixtures("may_ping")
def test_a_name_of_this_host_is_pinged_whatever_its_resolver_knows() -> None:
    for name in ("localhost.", "app.localhost"):
        assert look(name, ip_version=4).status is Status.OK
