"""`type: dns`."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from agent.api import Check, Context, DurationAbove, Metric, Result, critical, duration_text, judge
from checks._network.addresses import Address, host_name, is_ip
from checks._network.connection import GetAddrInfo, Network, connected, resolved_all, send
from checks._network.progress import NoAnswer, Progress

RECORDS = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
FAILURES = {1: "format error", 2: "server failure", 3: "no such name", 4: "not implemented", 5: "refused"}


class Dns(Check, frozen=True, kw_only=True):
    """Asks for a name: is there an answer, in time, and the expected one?

    Asks the given server once, by UDP, and by TCP where the answer is too long for UDP; without `server`, whatever
    this host asks (hosts file, resolv.conf). No answer, an error (no such name, server failure, refused), no record
    of that kind, or other values than expected are critical.

    ```yaml
    checks:
      names: {type: dns, name: www.example.com}
      our-zone: {type: dns, name: example.com, record: MX, server: 192.0.2.53, expect: 10 mail.example.com}
      web: {type: dns, name: www.example.com, expect: [192.0.2.10, 192.0.2.11], warning: 200ms}
    ```
    """

    fail_after: ClassVar[int] = 2

    name: Annotated[str, Meta(description="What to ask for.", min_length=1, max_length=253)]
    record: Annotated[
        Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"],
        Meta(description="Kind of record; other than A and AAAA only with `server`. Default: A."),
    ] = "A"
    server: Annotated[
        Address | None,
        Meta(description="IP address[:port] of the server to ask. Default: as this host does."),
    ] = None
    expect: Annotated[
        str | tuple[str, ...],
        Meta(description="The answer must be exactly these values, in any order, written as dig shows them."),
    ] = ()
    warning: Annotated[DurationAbove | None, Meta(description="Slow from this time on.")] = None
    critical: Annotated[DurationAbove | None, Meta(description="Too slow from this time on.")] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        try:
            host_name(self.name)
        except ValueError as error:
            yield "name", f"{error}, write for example www.example.com"
        if self.server and not is_ip(self.server.host):
            yield "server", f"{self.server.host!r} is not an IP address, write for example 192.0.2.53"
        if not self.server and self.record not in ("A", "AAAA"):
            yield "record", f"{self.record} can be asked of a server only, set server as well"

    def run(self, ctx: Context) -> Iterator[Result | Metric]:
        return self.looked(ctx)

    def looked(self, ctx: Context, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> Iterator[Result | Metric]:
        progress = Progress(ctx.deadline)
        progress.enter("answer", f"asking {self.server or 'this host'} for {self.record} of {self.name}")
        network = Network(ctx, progress, getaddrinfo)
        try:
            values = self._asked(self.server, network) if self.server else self._resolved(network)
        except (OSError, NoAnswer) as error:
            yield critical(progress.failed(error))
            return
        progress.leave()
        took = progress.elapsed()
        said = f"{self.name} {self.record} {', '.join(sorted(values))} in {duration_text(took)}"
        yield judge("time", took, self.warning, self.critical, unit="s", summary=said, minimum=0)
        wanted = {_normal(value) for value in ((self.expect,) if isinstance(self.expect, str) else self.expect)}
        if wanted and wanted != {_normal(value) for value in values}:
            yield critical(f"expected {', '.join(sorted(wanted))}")

    def _resolved(self, network: Network) -> set[str]:
        family = socket.AF_INET6 if self.record == "AAAA" else socket.AF_INET
        return {where[0] for _, _, _, _, where in resolved_all(host_name(self.name), family, network)}

    def _asked(self, server: Address, network: Network) -> set[str]:
        question = Question(secrets.randbelow(65536), host_name(self.name), RECORDS[self.record])
        answer = _by_udp(question, server, network.progress)
        if answer.cut:
            answer = _by_tcp(question, server, network)
        if answer.failure:
            raise NoAnswer(answer.failure)
        if not answer.values:
            raise NoAnswer("the name has no such record")
        return set(answer.values)


class Question(msgspec.Struct, frozen=True):
    """One query: its number, the name in ASCII, and the kind of record as a number."""

    number: int
    name: str
    kind: int

    def __bytes__(self) -> bytes:
        # 0x0100: please recurse.
        header = struct.pack("!HHHHHH", self.number, 0x0100, 1, 0, 0, 0)
        labels = (label.encode("ascii") for label in self.name.rstrip(".").split("."))
        return header + b"".join(bytes([len(label)]) + label for label in labels) + struct.pack("!xHH", self.kind, 1)


class Answer(msgspec.Struct, frozen=True):
    """What a server said to a question."""

    values: tuple[str, ...] = ()
    failure: str = ""
    cut: bool = False
    """It did not fit, ask by TCP."""


def read(question: Question, message: bytes) -> Answer | None:
    """Read what may be an answer; None where it answers another question, or none: it may be anything."""
    try:
        number, flags, questions, answers, _, _ = struct.unpack_from("!HHHHHH", message)
        name, at = _name(message, 12)
        asked = (number, name, *struct.unpack_from("!HH", message, at))
    except (ValueError, IndexError, struct.error):
        return None
    if not flags & 0x8000 or questions != 1 or asked != (question.number, question.name.rstrip("."), question.kind, 1):
        return None
    if code := flags & 15:
        return Answer(failure=FAILURES.get(code, f"error {code}"))
    if flags & 0x0200:
        return Answer(cut=True)
    try:
        return Answer(tuple(_values(question, message, at + 4, answers)))
    except (ValueError, IndexError, struct.error):
        return Answer(failure="a broken answer")


def _values(question: Question, message: bytes, at: int, count: int) -> Iterator[str]:
    """Yield the values of the records asked for, of the name or of what it is an alias of."""
    names = {question.name.rstrip(".")}
    for _ in range(count):
        owner, at = _name(message, at)
        kind, _, _, length = struct.unpack_from("!HHIH", message, at)
        at += 10
        if at + length > len(message):
            raise ValueError("a record that ends after the message")
        if owner in names and kind == question.kind:
            yield _value(kind, message, at, length)
        elif owner in names and kind == RECORDS["CNAME"]:
            names.add(_name(message, at)[0])
        at += length


def _value(kind: int, message: bytes, at: int, length: int) -> str:
    """Write a record's value as dig does."""
    record = message[at : at + length]
    if kind in (RECORDS["A"], RECORDS["AAAA"]):
        return str(ipaddress.ip_address(record))
    if kind == RECORDS["MX"]:
        return f"{struct.unpack_from('!H', record)[0]} {_name(message, at + 2)[0]}"
    if kind == RECORDS["SRV"]:
        return " ".join(str(number) for number in struct.unpack_from("!HHH", record)) + f" {_name(message, at + 6)[0]}"
    if kind == RECORDS["TXT"]:
        return _text(record)
    if kind == RECORDS["SOA"]:
        primary, at = _name(message, at)
        mailbox, at = _name(message, at)
        return " ".join([primary, mailbox, *(str(number) for number in struct.unpack_from("!IIIII", message, at))])
    return _name(message, at)[0]


def _text(record: bytes) -> str:
    text = b""
    while record:
        text, record = text + record[1 : 1 + record[0]], record[1 + record[0] :]
    return text.decode(errors="backslashreplace")


def _name(message: bytes, at: int) -> tuple[str, int]:
    """Read a name: (lower case, without the last dot; the place after it). Pointers lead back only, so it ends."""
    labels: list[str] = []
    after, lowest = 0, at
    while length := message[at]:
        if length >= 0xC0:
            after = after or at + 2
            at = int.from_bytes(message[at : at + 2], "big") & 0x3FFF
            if at >= lowest:
                raise ValueError("a name that leads forward")
            lowest = at
        elif length > 63 or len(labels) > 127:
            raise ValueError("a label that is none")
        else:
            labels.append(message[at + 1 : at + 1 + length].decode("ascii", "backslashreplace").lower())
            at += 1 + length
    return ".".join(labels), after or at + 1


def _by_udp(question: Question, server: Address, progress: Progress) -> Answer:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        # Connected: only this server's datagrams are heard, and a port that is closed is known at once.
        connection.connect((server.host, server.port or 53))
        connection.send(bytes(question))
        while True:
            connection.settimeout(progress.left())
            answer = read(question, connection.recv(65535))
            if answer is not None:
                return answer


def _by_tcp(question: Question, server: Address, network: Network) -> Answer:
    with connected(Address(server.host, server.port or 53), socket.AF_UNSPEC, network) as connection:
        network.progress.enter("answer", f"asking {server} by TCP")
        message = bytes(question)
        send(connection, struct.pack("!H", len(message)) + message, network.progress)
        length = int.from_bytes(_exactly(connection, 2, network.progress), "big")
        answer = read(question, _exactly(connection, length, network.progress))
        if answer is None or answer.cut:
            raise NoAnswer("a broken answer")
        return answer


def _exactly(connection: socket.socket, count: int, progress: Progress) -> bytes:
    got = b""
    while len(got) < count:
        connection.settimeout(progress.left())
        piece = connection.recv(count - len(got))
        if not piece:
            raise NoAnswer("the server closed the connection")
        got += piece
    return got


def _normal(value: str) -> str:
    value = value.strip().lower().removesuffix(".")
    return str(ipaddress.ip_address(value)) if is_ip(value) else value
