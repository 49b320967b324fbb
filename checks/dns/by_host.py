"""How this host itself looks a name up: its hosts file, then whatever its resolv.conf says."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

from checks._network.lookup import resolve
from checks._network.network import Network

HOSTS = "/etc/hosts"
HOSTS_LIMIT = 32 * 1024 * 1024
"""Bytes; lists of unwanted names have some megabytes."""


async def addresses(name: str, family: int, network: Network, hosts: str = HOSTS) -> set[str]:
    """Return the addresses of a name, as it stands where it has a dot: no domain of resolv.conf is added to it."""
    # A final dot keeps the search domains away, and the hosts file, whose names have none.
    final = (
        "." in name
        and not name.endswith(".")
        and not await network.ctx.call_async(f"read {hosts} for {family} {name}", lambda: in_hosts(name, family, hosts))
    )
    answers = await resolve(name + "." * final, family, network)
    return {where[0] for _, _, _, _, where in answers}


def in_hosts(name: str, family: int, hosts: str = HOSTS) -> bool:
    """Tell whether the hosts file has such an address of it; a file that cannot be read names nobody."""
    try:
        with Path(hosts).open("rb") as file:
            content = file.read(HOSTS_LIMIT).lower()
    except OSError:
        return False
    name_bytes = name.lower().encode()
    if name_bytes not in content:
        return False
    lines = (line.partition(b"#")[0].split() for line in content.splitlines())
    return any(name_bytes in words[1:] and _is_of(words[0].decode(errors="replace"), family) for words in lines)


def _is_of(text: str, family: int) -> bool:
    """Tell whether the C library gives out an address of the hosts file for a family: ::1 and ::ffff: as IPv4, too."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return family == socket.AF_INET
    return family == socket.AF_INET6 or address.is_loopback or address.ipv4_mapped is not None
