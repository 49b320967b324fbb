"""A DNS server on loopback that answers by a function, the bytes of its answers, and one run of the check."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from agent.api import Context, Result
from agent.plugin.results import gather
from checks._network.addresses import Address
from checks.dns import Dns
from checks.dns.messages import Question
from checks.dns.values import EXAMPLES, question_name
from tests.checks.looks import found

KINDS = {name: int(dns.rdatatype.from_text(name)) for name in EXAMPLES}


def encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(kind: str, value: bytes, owner: bytes = b"\xc0\x0c") -> bytes:
    """Write one record; by default for the name that was asked for, by a pointer to it."""
    return owner + struct.pack("!HHIH", KINDS[kind], 1, 60, len(value)) + value


def reply(query: bytes, *records: bytes, code: int = 0, cut: bool = False, number: bytes = b"") -> bytes:
    flags = 0x8180 | code | (0x0200 if cut else 0)
    head = (number or query[:2]) + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
    return head + question_of(query) + b"".join(records)


def question_of(query: bytes) -> bytes:
    """Return the question alone: what follows it in a query is EDNS."""
    return query[12 : query.index(b"\0", 12) + 5]


A1, A2 = record("A", bytes([192, 0, 2, 1])), record("A", bytes([192, 0, 2, 2]))


Talk = Callable[[bytes], list[bytes]]


def sockets_of_one_port() -> tuple[socket.socket, socket.socket]:
    """Return one for datagrams and one that listens; a port that is free for the one may be taken for the other."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:
            udp.close()


@contextlib.contextmanager
def serving(talk: Talk, by_tcp: Callable[[bytes], bytes] | None = None) -> Iterator[Address]:
    """Answer each query with the datagrams that `talk` returns; by TCP, on the same port, with those bytes."""
    udp, tcp = sockets_of_one_port()
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
    (result,) = gather(found(check.run(Context(timeout=timeout))))
    return result


def question(kind: str = "A", name: str = "www.example.com") -> Question:
    return Question(1, question_name(name, kind), kind)
