"""Names are looked up as this host does it, by the deadline."""

from __future__ import annotations

import errno
import functools
import socket
from typing import Any

from agent.api import CheckError
from checks._network.addresses import Address, is_this_host
from checks._network.network import Network

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
LOOKUPS = 16
"""Names that are looked up at once: each takes a thread, as long as the host's resolver takes."""


async def addresses_of(host: str, family: int, network: Network) -> list[tuple[Any, ...]]:
    """Look a name up. One that means this host means both of its addresses (RFC 6761, 6.3), those that its hosts file
    names first: many name 127.0.0.1 alone.
    """
    answers = []
    try:
        answers = await resolve(host, family, network)
    except socket.gaierror:
        if not is_this_host(host):
            raise
    if not is_this_host(host):
        return answers
    known = {kind for kind, *_ in answers}
    kinds = [kind for kind in LOOPBACK if family in (kind, socket.AF_UNSPEC) and kind not in known]
    return answers + [(kind, socket.SOCK_STREAM, 0, "", (LOOPBACK[kind], 0)) for kind in kinds]


async def resolve_first(stop: Address, family: int, network: Network) -> tuple[int, tuple[Any, ...]]:
    """Return family and address of the first that a name stands for."""
    kind, _, _, _, where = (await addresses_of(stop.host, family, network))[0]
    return kind, (where[0], stop.port, *where[2:])


async def resolve(host: str, family: int, network: Network) -> list[tuple[Any, ...]]:
    """Look a name up as this host does, by the deadline, at least one answer; OSError where there is none."""
    read = _parse_ip_literal if "%" not in host else _parse_ip_literal.__wrapped__  # an interface comes and goes
    if literal := read(host, family):
        return literal
    if "%" in host and family != socket.AF_INET:
        raise OSError(errno.ENODEV, f"this host has no interface {host.partition('%')[2]}")
    key = f"dns {host}" + {socket.AF_INET: " IPv4", socket.AF_INET6: " IPv6"}.get(family, "")  # type: ignore[call-overload]
    try:
        return await network.ctx.call_async(key, lambda: network.getaddrinfo(*_question(host, family)), LOOKUPS)
    except CheckError:
        raise TimeoutError from None


@functools.lru_cache(maxsize=1000)
def _parse_ip_literal(host: str, family: int) -> list[tuple[Any, ...]]:
    """Read a host that is written as an address; nothing where it is a name. Kept, as to ask takes 2 us."""
    try:
        return socket.getaddrinfo(*_question(host, family), socket.AI_NUMERICHOST)
    except socket.gaierror:
        return []


def _question(host: str, family: int) -> tuple[bytes, None, int, int, int]:
    # As bytes: text goes through Python's IDNA codec, and ours is ASCII already.
    return host.encode("ascii"), None, family, socket.SOCK_STREAM, socket.IPPROTO_TCP


def source_family(source: str, family: int) -> int:
    """Return the family to look up: that of the source, where there is one."""
    return (socket.AF_INET6 if ":" in source else socket.AF_INET) if source else family


def with_zone(where: tuple[Any, ...]) -> str:
    """Return the address, a link-local one with the interface by which it is reached."""
    if len(where) < 4 or not where[3]:
        return str(where[0])
    try:
        return f"{where[0]}%{socket.if_indextoname(where[3])}"
    except OSError:
        return f"{where[0]}%{where[3]}"
