"""Pure: where the page is served, as `agent.page` says it."""

from __future__ import annotations

import msgspec

EXAMPLES = "write 127.0.0.1:8741 or unix:/run/hostvigil/page.sock"
LONGEST_PATH = 100
"""Bytes that the kernel takes as a socket's path, nearly."""


class PageAddress(msgspec.Struct, frozen=True):
    """A port of this host's loopback, or a unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""
    """Of the unix socket; empty: host and port count."""


def parse(text: str) -> PageAddress:
    """Return the address; ValueError says what is wrong with it."""
    if text.startswith("unix:"):
        return PageAddress(path=_path(text.removeprefix("unix:")))
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise ValueError(f"is no address, {EXAMPLES}")
    if int(port) > 65_535:
        raise ValueError("has a port beyond 65535")
    return PageAddress(_loopback(host), int(port))


def _path(path: str) -> str:
    if not path.startswith("/") or not path.isprintable() or path.endswith("/"):
        raise ValueError(f"is no whole path of a socket, {EXAMPLES}")
    if len(path.encode()) > LONGEST_PATH:
        raise ValueError(f"is too long for a socket, which has at most {LONGEST_PATH} bytes")
    return path


def _loopback(host: str) -> str:
    from ipaddress import ip_address

    try:
        address = ip_address(host[1:-1] if host[:1] + host[-1:] == "[]" else host)
    except ValueError:
        if host == "localhost":
            return "127.0.0.1"
        raise ValueError(f"is no address, {EXAMPLES}") from None
    if not address.is_loopback:
        raise ValueError(
            "would show this host to the network without a password: write 127.0.0.1 and a port, and put a proxy with "
            "TLS and a login before it, or look at it through ssh -L 8741:127.0.0.1:8741"
        )
    return str(address)
