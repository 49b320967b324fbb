"""How a server is asked: by UDP, twice or more where a datagram is lost, and by TCP where the answer is too long."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

from checks._network.addresses import Address, is_ip
from checks._network.connection import Network, connected, resolved, send
from checks._network.progress import NoAnswer, Progress
from checks.dns.messages import NO_EDNS, Answer, BrokenAnswer, Question, read

PORT = 53
FIRST_PATIENCE = 1.0
"""Seconds after which the first datagram is taken for lost, where there is time; later ones, each twice as long."""


def ask(question: Question, server: Address, network: Network, *, tcp: bool = False) -> tuple[Answer, int]:
    """Return the answer, and how many datagrams it took; OSError or NoAnswer where there is none."""
    progress = network.progress
    doing = f"asking {server} for {question.record} of {question.shown}"
    place = _place(server, network)
    progress.enter("answer", doing)
    try:
        answer, tries = (Answer(cut=True), 0) if tcp else _by_udp(question, place, progress)
        if answer.cut:
            doing += " by TCP" + (", because its answer by UDP was cut" if tries else "")
            answer = _by_tcp(question, place, network)
        return answer, tries
    except BrokenAnswer as error:
        raise NoAnswer(str(error)) from None
    finally:
        progress.doing = doing


def _place(server: Address, network: Network) -> Address:
    if is_ip(server.host):
        return Address(server.host, server.port or PORT)
    network.progress.enter("dns", f"looking up {server.host}")
    _, where = resolved(server, socket.AF_UNSPEC, network)
    return Address(where[0], server.port or PORT)


def patience(left: float) -> Iterator[float]:
    """Yield how many seconds to wait for an answer before the question is sent again: for ever, doubling."""
    wait = min(FIRST_PATIENCE, left / 3)
    while True:
        yield wait
        wait *= 2


def _by_udp(question: Question, place: Address, progress: Progress) -> tuple[Answer, int]:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        # Connected: only this server's datagrams are heard, and a port that is closed is known at once.
        connection.connect((place.host, place.port))
        for tries, wait in enumerate(patience(progress.left()), 1):
            # Some firewalls drop EDNS, some servers do not know it: from the second try on it is left out.
            connection.send(question.message(edns=tries == 1))
            answer = _datagram(question, connection, wait, progress)
            if answer and not (tries == 1 and answer.rcode in NO_EDNS):
                return answer, tries
    raise TimeoutError


def _datagram(question: Question, connection: socket.socket, wait: float, progress: Progress) -> Answer | None:
    """Wait for the answer; None where it does not come in these seconds, TimeoutError at the deadline."""
    until = time.monotonic() + wait
    while (left := until - time.monotonic()) > 0:
        connection.settimeout(min(left, progress.left()))
        try:
            message = connection.recv(65535)
        except TimeoutError:
            break
        if answer := read(question, message):
            return answer
    progress.left()
    return None


def _by_tcp(question: Question, place: Address, network: Network) -> Answer:
    for edns in (True, False):
        answer = _one_by_tcp(question, question.message(edns=edns), place, network)
        if answer.rcode not in NO_EDNS:
            break
    return answer


def _one_by_tcp(question: Question, message: bytes, place: Address, network: Network) -> Answer:
    with connected(place, socket.AF_UNSPEC, network) as connection:
        network.progress.enter("answer", f"asking {place} by TCP")
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
