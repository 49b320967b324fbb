"""`type: ping`."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from agent.api import (
    Check,
    CheckError,
    Context,
    DurationAbove,
    Metric,
    PercentAbove,
    Result,
    critical,
    duration_text,
    judge,
    nodata,
)
from checks._network.addresses import Address, ipv4_within
from checks._network.connection import bind, new_socket, way_problems
from checks._network.lookup import resolve_first, source_family
from checks._network.network import FAMILIES, Network
from checks._network.progress import Progress
from checks._network.settings import IpVersion, SourceAddress
from checks._network.waiting import retry

PAUSE = 0.2
"""Seconds between two requests; a shorter one is for root only, says ping(8)."""
PATIENCE = 3.0
"""Seconds that an answer to the last request may take, if the run's deadline lets it."""
NO_RIGHT = "may not ping: give the agent CAP_NET_RAW, or set sysctl net.ipv4.ping_group_range to include its group"


class Ping(Check, frozen=True, kw_only=True):
    """Pings a host: does it answer, how many requests are lost, and how long do answers take?

    Sends `count` ICMP echo requests, five a second, to the first address of the name, and to no other: where each of
    several addresses matters, write a check for each. Default: a warning when a fifth of them is lost, critical when
    three fifths are. Needs no root where net.ipv4.ping_group_range includes the agent's group, else the capability
    CAP_NET_RAW; without either it is nodata. A final dot (`vpn.example.com.`) keeps search domains of resolv.conf away.

    ```yaml
    checks:
      gateway: {type: ping, host: 192.0.2.1}
      office: {type: ping, host: vpn.example.com, count: 10, time_warning: 100ms, time_critical: 500ms}
    ```
    """

    fail_after: ClassVar[int] = 2

    host: Annotated[Address, Meta(description="Name or IP address.")]
    count: Annotated[int, Meta(ge=1, le=30, description="How many requests to send. Default 5.")] = 5
    loss_warning: Annotated[PercentAbove | None, Meta(description="Lost requests. Default 20%.")] = PercentAbove.parse(
        "20%"
    )
    loss_critical: Annotated[PercentAbove | None, Meta(description="Lost requests. Default 60%.")] = PercentAbove.parse(
        "60%"
    )
    time_warning: Annotated[DurationAbove | None, Meta(description="Average time of an answer. Default: any.")] = None
    time_critical: Annotated[DurationAbove | None, Meta(description="As time_warning.")] = None
    ip_version: IpVersion = None
    source: SourceAddress = ""

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.host.port:
            yield "host", f"{self.host} has a port, which a ping does not: leave it out"
        if plain := ipv4_within(self.host.host):
            yield "host", f"{self.host.host} is an IPv4 address, which no ping of IPv6 reaches: write {plain}"
        yield from way_problems(self.host.host, self.ip_version, self.source)

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        progress = Progress(ctx.deadline, ctx.timeout)
        progress.enter("dns", f"looking up {self.host}")
        try:
            configured_family = source_family(self.source, FAMILIES[self.ip_version])
            family, where = await resolve_first(self.host, configured_family, Network(ctx, progress))
            progress.enter("answer", f"pinging {where[0]}")
            new = _socket(family)
        except OSError as error:
            yield critical(progress.describe_failure(error))
            return
        with new as connection:
            bind(connection, self.source)
            # A quarter of the time or so is left to wait for the last answer.
            pause = min(PAUSE, ctx.remaining() * 3 / 4 / self.count)
            series = PingSeries(connection, family, where)
            await series.listen(self.count, pause, ctx.deadline)
        for one in self._judge(where[0] if self.host.host == where[0] else f"{self.host} ({where[0]})", series):
            yield one

    def _judge(self, name: str, series: PingSeries) -> Iterator[Result | Metric]:
        loss = 100 * (self.count - len(series.took)) / self.count
        why = f", {series.refusal}" if series.refusal else ""
        summary = f"{name} lost {loss:.3g}% of {self.count} pings{why}"
        yield judge(
            "loss", loss, self.loss_warning, self.loss_critical, unit="%", summary=summary, minimum=0, maximum=100
        )
        if series.took:
            times = list(series.took.values())
            average = sum(times) / len(times)
            summary = f"{duration_text(average)} on average"
            yield judge("time", average, self.time_warning, self.time_critical, unit="s", summary=summary, minimum=0)
            yield Metric("time_max", max(times), "s", minimum=0)
        elif not (self.loss_warning or self.loss_critical):  # nobody else would say that the host is gone
            yield nodata(f"{name} gave no answer whose time could be judged")


class Echo(msgspec.Struct, frozen=True):
    """ICMP's numbers for one family."""

    protocol: int
    request: int
    reply: int


ECHOES: dict[int, Echo] = {
    socket.AF_INET: Echo(socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: Echo(socket.IPPROTO_ICMPV6, 128, 129),
}


class PingSeries:
    """One series of echo requests, and the answers to them: seconds by number."""

    def __init__(self, connection: socket.socket, family: int, where: tuple[object, ...]) -> None:
        self._connection, self._family, self._where = connection, family, where
        self._token = os.urandom(16)
        self._sent_at: dict[int, float] = {}
        self.took: dict[int, float] = {}
        self.refusal = ""
        """Why the last request could not be sent."""

    async def listen(self, count: int, pause: float, deadline: float) -> None:
        """Send, and take answers meanwhile, until all are there or it is too late; seconds are monotonic."""
        began = time.monotonic()
        until = min(deadline, began + (count - 1) * pause + PATIENCE)
        for number in range(count):
            self._send(number)
            last = number == count - 1
            await self._receive(until if last else began + (number + 1) * pause, count if last else count + 1)

    def _send(self, number: int) -> None:
        # The kernel writes the identifier on ping sockets; the random token tells our answers from all others.
        message = struct.pack("!BBHHH", ECHOES[self._family].request, 0, 0, os.getpid() & 0xFFFF, number) + self._token
        if self._family == socket.AF_INET:
            message = message[:2] + _checksum(message) + message[4:]
        self._sent_at[number] = time.monotonic()
        try:
            self._connection.sendto(message, self._where)
        except OSError as error:
            self.refusal = (error.strerror or str(error)).lower()

    async def _receive(self, until: float, enough: int) -> None:
        while len(self.took) < enough and time.monotonic() < until:
            await asyncio.sleep(0)  # a flood of other packets holds up nobody else
            try:
                packet = await retry(self._connection, lambda: self._connection.recv(2048), until)
            except TimeoutError:
                return
            except OSError as error:  # an ICMP error that came back for an earlier request
                self.refusal = (error.strerror or str(error)).lower()
                continue
            number = answer_to(packet, self._family, self._token)
            if number in self._sent_at:
                self.took.setdefault(number, time.monotonic() - self._sent_at[number])


def answer_to(packet: bytes, family: int, token: bytes) -> int | None:
    """Return the number of the request that a packet answers; None where it is anything else."""
    if family == socket.AF_INET and packet[:1] and packet[0] >> 4 == 4:
        packet = packet[(packet[0] & 15) * 4 :]  # raw sockets bring the IP header along
    if len(packet) < 8 or packet[0] != ECHOES[family].reply or packet[8:] != token:
        return None
    return int.from_bytes(packet[6:8], "big")


def _socket(family: int) -> socket.socket:
    """Return a socket for echo requests; CheckError where we may have none, OSError where the host lacks the family."""
    protocol = ECHOES[family].protocol
    try:
        return new_socket(family, socket.SOCK_DGRAM, protocol)
    except OSError:
        try:
            return new_socket(family, socket.SOCK_RAW, protocol)
        except PermissionError:
            raise CheckError(NO_RIGHT) from None


def _checksum(message: bytes) -> bytes:
    """Return the Internet checksum of a message of even length (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
