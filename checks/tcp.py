"""`type: tcp`."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Annotated, ClassVar, Literal

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
from checks._network.addresses import Address
from checks._network.connection import FAMILIES, Network, connected, receive, secured, send
from checks._network.progress import NoAnswer, Progress
from checks._network.tls import Certificate, TlsSettings, certificate, context, judged

BANNER_LIMIT = 64 * 1024
"""Bytes in which `expect` is searched."""
GREETINGS = {b"SSH-2.0-": r"^SSH-2\.0-", b"220": "^220[ -]", b"* OK": r"^\* OK", b"+OK": r"^\+OK"}
"""How SSH, SMTP and FTP, IMAP, and POP3 begin, and what to expect of them."""
GREETING_SECONDS = 1.0


class Tcp(Check, frozen=True, kw_only=True):
    """Connects to a port; where asked for, over TLS, sends a text and waits for an answer that matches.

    One connection to the first address of the name; `timeout` bounds lookup, connection, TLS and answer together. No
    connection, no TLS or another answer is critical. With TLS the certificate is watched as well: a warning when it
    lasts less than 14 days, critical below 3.

    ```yaml
    checks:
      ssh: {type: tcp, address: "127.0.0.1:22", expect: '^SSH-2\\.0-'}
      database: {type: tcp, address: "db.example.com:5432", warning: 100ms, critical: 1s}
      redis: {type: tcp, address: "127.0.0.1:6379", send: "PING\\r\\n", expect: '^(\\+PONG|-NOAUTH)'}
      imaps: {type: tcp, address: "mail.example.com:993", tls: true, expect: '^\\* OK'}
    ```
    """

    fail_after: ClassVar[int] = 2

    address: Annotated[Address, Meta(description="Where to connect, host:port; IPv6 as [::1]:22.")]
    send: Annotated[str, Meta(description='What to send; line ends as "\\r\\n" in double quotes.')] = ""
    expect: Annotated[
        Regex | None, Meta(description="Regular expression that must be found in what the server says.")
    ] = None
    warning: Annotated[DurationAbove | None, Meta(description="Slow from this time on, all together.")] = None
    critical: Annotated[DurationAbove | None, Meta(description="Too slow from this time on.")] = None
    ip_version: Annotated[Literal[4, 6] | None, Meta(description="Use only IPv4 or IPv6; else what is first.")] = None
    tls: Annotated[bool, Meta(description="Speak TLS from the beginning.")] = False
    verify: Annotated[bool, Meta(description="false: accept any certificate.")] = True
    ca_file: Annotated[str, Meta(description="PEM file of the CAs to trust instead of the host's.")] = ""
    server_name: Annotated[str, Meta(description="TLS name to ask for and to verify, when not the address's.")] = ""
    certificate_warning: Annotated[
        DurationBelow | None, Meta(description="Warn when a certificate of the chain lasts less; 0s: never.")
    ] = DurationBelow.parse("14d")
    certificate_critical: Annotated[
        DurationBelow | None, Meta(description="Critical when a certificate of the chain lasts less; 0s: never.")
    ] = DurationBelow.parse("3d")

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.address.port:
            yield "address", f"{self.address} has no port, write for example {Address(self.address.host, 22)}"
        for name in ("ca_file", "server_name"):
            if getattr(self, name) and not self.tls:
                yield name, "is for TLS, write tls: true as well"

    @classmethod
    def discover(cls, host: Host) -> Iterator[Suggestion]:
        from checks._network.listening import listeners

        found = [one for one in listeners(host) if not one.web]
        said = Context("discover", 2 * GREETING_SECONDS).calls({one.address: _greeting(one.address) for one in found})
        for one in found:
            settings = {"address": one.address, **_expected(said[one.address])}
            yield Suggestion(name=one.name, settings=settings, why=f"{one.words}.", about=("address",), off=one.off)

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        progress = Progress(ctx.deadline)
        try:
            found = self._visited(Network(ctx, progress))
        except (OSError, NoAnswer) as error:
            yield critical(progress.failed(error), details=str(self.address))
        else:
            progress.leave()
            took = progress.elapsed()
            said = f"{self.address} answered in {duration_text(took)}"
            timed = judge("time", took, self.warning, self.critical, unit="s", summary=said, minimum=0)
            yield timed
            if found:
                yield from judged(found, time.time(), self.certificate_warning, self.certificate_critical)
        yield from (Metric(phase, seconds, "s", minimum=0) for phase, seconds in progress.took.items())

    def _visited(self, network: Network) -> Certificate | None:
        # Before anything is sent: CAs that cannot be read are our fault, not the server's.
        trust = context(TlsSettings(self.verify, self.ca_file)) if self.tls else None
        progress = network.progress
        with ExitStack() as stack:
            connection = stack.enter_context(connected(self.address, FAMILIES[self.ip_version], network))
            if trust:
                name = self.server_name or self.address.host.rstrip(".")
                connection = stack.enter_context(secured(connection, trust, name, progress))
            progress.enter("answer", "sending")
            send(connection, self.send.encode(), progress)
            if self.expect:
                progress.doing = f"waiting for {self.expect}"
                _awaited(self.expect, connection, progress)
            return certificate(connection) if isinstance(connection, ssl.SSLSocket) else None


def _awaited(expected: Regex, connection: socket.socket, progress: Progress) -> None:
    """Read until the pattern is found; NoAnswer where the server ends, or says too much, before that."""
    said = b""
    while len(said) < BANNER_LIMIT:
        try:
            piece = receive(connection, progress)
        except TimeoutError:
            if not said:
                raise
            raise NoAnswer(f"said only {_shown(said)}") from None
        said += piece
        if expected.search(said.decode(errors="replace")):
            return
        if not piece:
            raise NoAnswer(f"said {_shown(said)} and closed" if said else "the server closed the connection")
    raise NoAnswer(f"said {_shown(said)} and more")


def _shown(said: bytes) -> str:
    return repr(said[:80].decode(errors="replace"))


def _greeting(address: str) -> Callable[[], bytes]:
    """Return how to hear what a server says by itself; to those that wait for a question, nothing is sent."""

    def heard() -> bytes:
        context = Context("discover", GREETING_SECONDS)
        progress = Progress(context.deadline)
        try:
            with connected(Address.parse(address), FAMILIES[None], Network(context, progress)) as connection:
                return receive(connection, progress)
        except (OSError, NoAnswer):
            return b""

    return heard


def _expected(greeting: bytes | Exception) -> dict[str, str]:
    if isinstance(greeting, Exception):
        return {}
    return next(({"expect": GREETINGS[text]} for text in GREETINGS if greeting.startswith(text)), {})
