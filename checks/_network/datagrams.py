"""One question by UDP, sent again where it or its answer is lost."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from checks._network.addresses import Address, is_this_host
from checks._network.connection import bind, new_socket
from checks._network.lookup import addresses_of, source_family, with_zone
from checks._network.network import Network
from checks._network.progress import Progress
from checks._network.waiting import retry

T = TypeVar("T")
FIRST_PATIENCE = 1.0
"""Seconds after which the first datagram is taken for lost, where there is time; later ones, each twice as long."""


class AskAgain(Exception):
    """The answer says that the question is to be put in another way."""


async def places(stop: Address, family: int, network: Network) -> list[Address]:
    """Look a name up: its first address alone; of `localhost` all, for nobody means that each of them must answer."""
    answers = await addresses_of(stop.host, source_family(network.source, family), network)
    addresses = [Address(with_zone((where[0], stop.port, *where[2:])), stop.port) for _, _, _, _, where in answers]
    return addresses if is_this_host(stop.host) else addresses[:1]


async def ask(
    places: list[Address], question: Callable[[int], bytes], read: Callable[[int, bytes], T | None], network: Network
) -> tuple[T, int]:
    """Ask an IP address, and the next one where nobody listens; return the answer and how many tries it took.

    OSError where there is none, TimeoutError at the deadline.
    Both functions get the number of the try first. `read` returns None for what is no answer, or raises AskAgain.
    """
    failure: OSError | None = None
    for place in places:
        try:
            return await _ask(place, question, read, network)
        except OSError as error:
            if failure is None or ":" not in place.host:  # IPv6 may be switched off, which says nothing
                failure = error
            if isinstance(error, TimeoutError):
                break
    raise failure or OSError("no address")


async def _ask(
    place: Address, question: Callable[[int], bytes], read: Callable[[int, bytes], T | None], network: Network
) -> tuple[T, int]:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    with new_socket(family, socket.SOCK_DGRAM) as connection:
        bind(connection, network.source)
        # Connected: only this server's datagrams are heard, and a port that is closed is known at once.
        connection.connect((place.host, place.port))
        for tries, wait in enumerate(patience(network.progress.remaining_seconds()), 1):
            await retry(connection, partial(connection.send, question(tries)), network.progress.deadline, sends=True)
            answer = await _one(connection, partial(read, tries), wait, network.progress)
            if answer is not None:
                return answer, tries
    raise TimeoutError


def patience(remaining: float) -> Iterator[float]:
    """Yield how many seconds to wait for an answer before the question is sent again: for ever, doubling."""
    wait = min(FIRST_PATIENCE, remaining / 3)
    while True:
        yield wait
        wait *= 2


async def _one(
    connection: socket.socket, read: Callable[[bytes], T | None], wait: float, progress: Progress
) -> T | None:
    """Wait for the answer; None where it does not come in these seconds, TimeoutError at the deadline."""
    until = time.monotonic() + wait
    while time.monotonic() < until and progress.remaining_seconds():
        try:
            datagram = await retry(connection, lambda: connection.recv(65535), min(until, progress.deadline))
            answer = read(datagram)
        except (TimeoutError, AskAgain):
            break
        if answer is not None:
            return answer
        await asyncio.sleep(0)  # a flood of what is no answer holds up nobody else
    progress.remaining_seconds()
    return None
