"""How a server is asked: by UDP, twice or more where a datagram is lost, and by TCP where the answer is too long."""

from __future__ import annotations

import socket
import struct
from functools import partial

from checks._network import datagrams
from checks._network.addresses import Address, is_ip
from checks._network.connection import connect, send
from checks._network.datagrams import AskAgain
from checks._network.network import Network
from checks._network.progress import NoAnswer, Progress
from checks._network.waiting import retry
from checks.dns.messages import NO_EDNS, Answer, BrokenAnswer, Question, read

PORT = 53


async def ask(question: Question, server: Address, network: Network, *, tcp: bool = False) -> tuple[Answer, int]:
    """Return the answer, and how many datagrams it took; OSError or NoAnswer where there is none."""
    progress = network.progress
    doing = f"asking {server} for {question.record} of {question.name_text}"
    places = await _places(server, network)
    progress.enter("answer", doing)
    try:
        answer, tries = (Answer(cut=True), 0) if tcp else await _by_udp(question, places, network)
        if answer.cut:
            doing += " by TCP" + (", because its answer by UDP was cut" if tries else "")
            answer = await _by_tcp(question, _of_tcp(server, places), network)
        return answer, tries
    except BrokenAnswer as error:
        raise NoAnswer(str(error)) from None
    finally:
        progress.doing = doing


async def _places(server: Address, network: Network) -> list[Address]:
    stop = Address(server.host, server.port or PORT)
    if is_ip(server.host):
        return [stop]
    network.progress.enter("dns", f"looking up {server.host}")
    return await datagrams.places(stop, socket.AF_UNSPEC, network)


def _of_tcp(server: Address, places: list[Address]) -> Address:
    """Return where to connect: by name only where that tries all of its addresses."""
    return places[0] if len(places) == 1 else Address(server.host, places[0].port)


async def _by_udp(question: Question, places: list[Address], network: Network) -> tuple[Answer, int]:
    def message(tries: int) -> bytes:
        # Some firewalls drop EDNS, some servers do not know it: from the second try on it is left out.
        return question.message(edns=tries == 1)

    def answer(tries: int, datagram: bytes) -> Answer | None:
        reply = read(question, datagram)
        if reply is None:
            network.progress.hint = "what came is no answer to this question"
        if reply and tries == 1 and reply.rcode in NO_EDNS:
            raise AskAgain
        return reply

    return await datagrams.ask(places, message, answer, network)


async def _by_tcp(question: Question, place: Address, network: Network) -> Answer:
    for edns in (True, False):
        answer = await _one_by_tcp(question, question.message(edns=edns), place, network)
        if answer.rcode not in NO_EDNS:
            break
    return answer


async def _one_by_tcp(question: Question, message: bytes, place: Address, network: Network) -> Answer:
    with await connect(place, socket.AF_UNSPEC, network) as connection:
        network.progress.enter("answer", f"asking {place} by TCP")
        await send(connection, struct.pack("!H", len(message)) + message, network.progress)
        length = int.from_bytes(await _exactly(connection, 2, network.progress), "big")
        answer = read(question, await _exactly(connection, length, network.progress), by_tcp=True)
        if answer is None:
            raise NoAnswer("a broken answer")
        return answer


async def _exactly(connection: socket.socket, count: int, progress: Progress) -> bytes:
    received = b""
    while len(received) < count:
        piece = await retry(connection, partial(connection.recv, count - len(received)), progress.deadline)
        if not piece:
            raise NoAnswer("the server closed the connection")
        received += piece
    return received
