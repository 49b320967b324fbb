"""What listens on TCP ports of this host, and which program does; for `hostvigil discover`."""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from agent.api import Host
from checks._network.addresses import Address

LISTEN = "0A"
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - as an address of others, not ours
WEB_PORTS = (80, 443, 8080, 8443)
WEB_SERVERS = ("nginx", "apache2", "httpd", "caddy", "lighttpd", "haproxy", "traefik", "envoy", "varnishd", "angie")


class Listener(msgspec.Struct, frozen=True):
    """One port that a program listens on. `program` and `cgroup` are empty where we may not see them."""

    host: str
    port: int
    program: str = ""
    cgroup: str = ""
    off: str = ""
    """Why nobody should count on it."""

    @property
    def address(self) -> str:
        """Where to reach it from here."""
        return str(Address(ANY.get(self.host, self.host), self.port))

    @property
    def web(self) -> bool:
        """Tell whether it may be asked by HTTP; to other servers that is nonsense, which they may log or even print."""
        return self.port in WEB_PORTS or self.program in WEB_SERVERS

    @property
    def name(self) -> str:
        return f"{self.program or 'port'}-{self.port}"

    @property
    def words(self) -> str:
        return f"{self.program or 'A program that we may not see'} listens on {Address(self.host, self.port)}"


def listeners(host: Host) -> list[Listener]:
    """Return what listens, each program and port once, by port."""
    low, high = _ephemeral_ports(host)
    programs = _programs(host)
    by_program: dict[tuple[int, str], Listener] = {}
    for address, port, inode in sorted(_sockets(host), key=_easiest_first):
        pid = programs.get(inode, "")
        program = host.read(f"/proc/{pid}/comm").strip() if pid else ""
        cgroup = host.read(f"/proc/{pid}/cgroup") if pid else ""
        off = ""
        if low <= port <= high:
            off = f"port {port} is one that the kernel gives away; after a restart it may be another"
        elif re.search(r"/session-[^/]*\.scope|/user@\d+\.service", cgroup):
            off = "it belongs to somebody's login, and may end with it"
        by_program.setdefault((port, program), Listener(address, port, program, cgroup, off))
    return list(by_program.values())


def _easiest_first(one: tuple[str, int, str]) -> tuple[int, bool, bool, bool]:
    address, port, _ = one
    return port, address not in ANY, not address.startswith(("127.", "::1")), ":" in address


def _sockets(host: Host) -> Iterator[tuple[str, int, str]]:
    """Yield address, port and inode. Source: proc_net(5), get_tcp4_sock() of net/ipv4/tcp_ipv4.c."""
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in host.read(name).splitlines()[1:]:
            words = line.split()
            if len(words) > 9 and words[3] == LISTEN:
                address, _, port = words[1].partition(":")
                yield _address(address), int(port, 16), words[9]


def _address(text: str) -> str:
    # Each 32 bits are a number in the byte order of this machine.
    packed = b"".join(struct.pack("=I", int(text[at : at + 8], 16)) for at in range(0, len(text), 8))
    address = socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
    return address.removeprefix("::ffff:")


def _programs(host: Host) -> dict[str, str]:
    """Return the process, the oldest one, that has each socket open, by the socket's inode."""
    by_inode: dict[str, str] = {}
    pids = sorted((entry for entry in _names(host, "/proc") if entry.isdecimal()), key=int)
    for pid in pids:
        for number in _names(host, f"/proc/{pid}/fd"):
            with suppress(OSError):
                target = str(host.path(f"/proc/{pid}/fd/{number}").readlink())
                if target.startswith("socket:["):
                    by_inode.setdefault(target[8:-1], pid)
    return by_inode


def _names(host: Host, folder: str) -> list[str]:
    with suppress(OSError):
        return os.listdir(host.path(folder))  # noqa: PTH208 - thousands of them; a Path each costs more than the rest
    return []


def _ephemeral_ports(host: Host) -> tuple[int, int]:
    words = host.read("/proc/sys/net/ipv4/ip_local_port_range").split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else (32768, 60999)
