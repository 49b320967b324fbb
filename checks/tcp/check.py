"""The settings of `type: tcp`, and how a run connects and judges."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Annotated, ClassVar

from msgspec import Meta

from agent.api import (
    Check,
    Context,
    DurationAbove,
    DurationBelow,
    Host,
    Metric,
    Regex,
    Result,
    Suggestion,
    critical,
    duration_text,
    judge,
)
from checks._network.addresses import Address, is_host, is_ip
from checks._network.certificates import Certificate, certificate, judge_validity
from checks._network.connection import connect, connect_unix, socket_path_problem, start_tls, way_problems
from checks._network.network import FAMILIES, Network
from checks._network.payload import Bytes, Exchange
from checks._network.progress import NoAnswer, Progress
from checks._network.settings import CaFile, ClientCert, ClientKey, IpVersion, OldTls, SourceAddress, TooSlow
from checks._network.starttls import Protocol, ask_for_tls
from checks._network.tls import TlsSettings, context_for, contradictions
from checks.tcp import greeting
from checks.tcp.talk import converse, exchange

FOR_TLS = ("ca_file", "server_name", "client_cert", "client_key", "crl_file", "old_tls")


class Tcp(Check, frozen=True, kw_only=True):
    """Connects to a port; where asked for, over TLS, sends a text and waits for an answer that matches.

    One connection to the first address of the name, and to no other (of `localhost`, to the first that answers): where
    each of several addresses matters, write a check for each. `timeout` bounds lookup, connection, TLS and answer
    together. No connection, no TLS or another answer is critical. With TLS the certificate is watched as well: a
    warning when it lasts less than 14 days, critical below 3. A name is looked up as all programs do it; where
    resolv.conf has search domains that answer for any name, a final dot (`db.example.com.:5432`) keeps them away.

    `steps` are a conversation: each one sends, and then waits for a line that matches. The lines in between do not
    matter.

    ```yaml
    checks:
      ssh: {type: tcp, address: "127.0.0.1:22", expect: '^SSH-2\\.0-'}
      database: {type: tcp, address: "db.example.com:5432", starttls: postgres, warning: 100ms, critical: 1s}
      redis: {type: tcp, unix_socket: /run/redis/redis.sock, send: "PING\\r\\n", expect: '^(\\+PONG|-NOAUTH)'}
      imaps: {type: tcp, address: "mail.example.com:993", tls: true, expect: '^\\* OK'}
      smtp:
        type: tcp
        address: mail.example.com:25
        steps:
          - expect: '^220 '
          - {send: "EHLO monitor.example.com\\r\\n", expect: '^250 '}
          - {send: "QUIT\\r\\n", expect: '^221 '}
    ```
    """

    fail_after: ClassVar[int] = 2

    address: Annotated[Address | None, Meta(description="Where to connect, host:port; IPv6 as [::1]:22.")] = None
    unix_socket: Annotated[str, Meta(description="Path of a unix socket to connect to, instead of `address`.")] = ""
    source: SourceAddress = ""
    send: Annotated[str, Meta(description='What to send; line ends as "\\r\\n" in double quotes.')] = ""
    send_hex: Annotated[Bytes | None, Meta(description="Bytes to send instead of a text, as `ff 00 1a`.")] = None
    expect: Annotated[
        Regex | None, Meta(description="Regular expression that must be found in what the server says.")
    ] = None
    expect_hex: Annotated[Bytes | None, Meta(description="Bytes that must be found in what the server says.")] = None
    steps: Annotated[
        tuple[Exchange, ...],
        Meta(
            description="A list of exchanges instead of one, each with `send` or `send_hex`, `expect` or `expect_hex`."
        ),
    ] = ()
    warning: Annotated[DurationAbove | None, Meta(description="Slow from this time on, all together.")] = None
    critical: TooSlow = None
    ip_version: IpVersion = None
    tls: Annotated[bool, Meta(description="Speak TLS from the beginning.")] = False
    starttls: Annotated[
        Protocol | None, Meta(description="Ask for TLS as this protocol does; send and expect come after that.")
    ] = None
    verify: Annotated[bool, Meta(description="false: accept any certificate; how long it lasts is still judged.")] = (
        True
    )
    ca_file: CaFile = ""
    crl_file: Annotated[
        str, Meta(description="PEM file of what the CA has revoked: such a certificate is refused.")
    ] = ""
    client_cert: ClientCert = ""
    client_key: ClientKey = ""
    server_name: Annotated[str, Meta(description="TLS name to ask for and to verify, when not the address's.")] = ""
    old_tls: OldTls = False
    certificate_warning: Annotated[
        DurationBelow | None, Meta(description="Warn when a certificate of the chain lasts less; 0s: never.")
    ] = DurationBelow.parse("14d")
    certificate_critical: Annotated[
        DurationBelow | None, Meta(description="Critical when a certificate of the chain lasts less; 0s: never.")
    ] = DurationBelow.parse("3d")

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from self._problems_of_place()
        for name in FOR_TLS:
            if getattr(self, name) and not self._secure:
                yield name, "is for TLS, write tls: true or starttls as well"
        yield from contradictions(self._trust)
        if self.tls and self.starttls:
            yield "starttls", "asks for TLS where it is not spoken from the beginning, leave tls or starttls out"
        if self.server_name and not is_host(self.server_name):
            yield "server_name", f"{self.server_name!r} is not a host name, write for example mail.example.com"
        if self._secure and self.unix_socket and not self.server_name:
            yield "server_name", "is needed for TLS over a unix socket"
        yield from self._once.problems()
        if self.steps and self._once != Exchange():
            yield "steps", "stand instead of send and expect, write those as a step"
        for number, step in enumerate(self.steps, 1):
            yield from (("steps", f"step {number}: {name} {text}") for name, text in step.problems())
            if step == Exchange():
                yield "steps", f"step {number} says nothing, write send or expect"

    def _problems_of_place(self) -> Iterator[tuple[str, str]]:
        if self.address and self.unix_socket:
            yield "unix_socket", "and address are two places, leave one of them out"
        if not self.address and not self.unix_socket:
            yield "address", "is missing, write host:port, for example db.example.com:5432"
        if self.address and not self.address.port:
            yield "address", f"{self.address} has no port, write for example {_with_port(self.address.host)}"
        if self.unix_socket and (wrong := socket_path_problem(self.unix_socket)):
            yield "unix_socket", wrong
        yield from way_problems(self.address.host if self.address else "", self.ip_version, self.source)

    @property
    def _secure(self) -> bool:
        return self.tls or bool(self.starttls)

    @property
    def _trust(self) -> TlsSettings:
        own = (self.client_cert, self.client_key)
        return TlsSettings(self.verify, self.ca_file, *own, crl_file=self.crl_file, old=self.old_tls)

    @property
    def _once(self) -> Exchange:
        return Exchange(send=self.send, send_hex=self.send_hex, expect=self.expect, expect_hex=self.expect_hex)

    @property
    def _place(self) -> str:
        return str(self.address or self.unix_socket)

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        return greeting.suggestions(host)

    async def run(self, ctx: Context) -> AsyncIterator[Result | Metric]:
        progress = Progress(ctx.deadline, ctx.timeout, critical=self.critical, warning=self.warning)
        try:
            certificate_served = await self._talk(Network(ctx, progress, source=self.source))
        except (OSError, NoAnswer) as error:
            yield critical(progress.describe_failure(error), details=self._place)
        else:
            progress.leave()
            took = progress.elapsed()
            summary = f"{self._place} answered in {duration_text(took)}"
            yield judge("time", took, self.warning, self.critical, unit="s", summary=summary, minimum=0)
            if certificate_served:
                for one in judge_validity(
                    certificate_served, time.time(), self.certificate_warning, self.certificate_critical
                ):
                    yield one
        for phase, seconds in progress.took.items():
            yield Metric(phase, seconds, "s", minimum=0)

    async def _talk(self, network: Network) -> Certificate | None:
        # Before anything is sent: CAs that cannot be read are our fault, not the server's.
        trust = await context_for(self._trust, network.ctx) if self._secure else None
        progress = network.progress
        with ExitStack() as stack:
            connection = stack.enter_context(await self._connect(network))
            if self.starttls:
                await ask_for_tls(self.starttls, connection, progress)
            if trust:
                name = self.server_name or (self.address.host.rstrip(".") if self.address else "")
                connection = stack.enter_context(await start_tls(connection, trust, name, progress))
            if self.steps:
                await converse(self.steps, connection, network)
            else:
                await exchange(self._once, connection, network)
            return certificate(connection) if isinstance(connection, ssl.SSLSocket) else None

    async def _connect(self, network: Network) -> socket.socket:
        if self.address:
            return await connect(self.address, FAMILIES[self.ip_version], network)
        return await connect_unix(self.unix_socket, network.progress)


def _with_port(host: str) -> str:
    """Write a host with a port. Who writes ::1:22 without brackets mostly means the port 22."""
    front, _, last = host.rpartition(":")
    if is_ip(front) and last.isdecimal() and 0 < int(last) < 65536:
        return str(Address(front, int(last)))
    return str(Address(host, 22))
