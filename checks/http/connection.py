"""A connection for HTTP: by way of a proxy or not, and what reads it for http.client under the deadline."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
from collections.abc import Iterator
from typing import Any

import msgspec

from agent.api import CheckError, size_text
from checks._network import tls
from checks._network.addresses import Address
from checks._network.connection import Network, connected, secured, send
from checks._network.progress import NoAnswer, Progress
from checks.http.addresses import ProxyUrl

HEADER_LIMIT = 256 * 1024
"""Bytes of an answer's headers, informational answers included."""


class Route(msgspec.Struct, frozen=True):
    """Where a request goes and by which way."""

    host: str
    port: int
    tls: tls.TlsSettings | None = None
    server_name: str = ""
    family: int = socket.AF_UNSPEC
    proxy: ProxyUrl | None = None
    proxy_headers: str = ""

    @property
    def first_stop(self) -> Address:
        return self.proxy.address if self.proxy else Address(self.host, self.port)


class TooMuch(Exception):
    """More bytes than may be read."""


class Reader(io.RawIOBase):
    """Reads a socket for http.client: never past the deadline, never more than `budget` bytes, no silent end."""

    def __init__(self, connection: socket.socket, progress: Progress) -> None:
        self._connection = connection
        self._progress = progress
        self.budget = HEADER_LIMIT
        self.may_end = False
        """Whether the server may close now. http.client takes an end inside the headers for the end of the headers."""
        self.begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.budget <= 0:
            raise TooMuch
        self._connection.settimeout(self._progress.left())
        count = self._connection.recv_into(buffer)
        if count == 0 and not self.may_end:
            raise NoAnswer("the server closed the connection")
        if not self.begun:
            self.begun = True
            self._progress.enter("transfer", "reading the headers")
        self.budget -= count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:
        """What http.client asks of a socket. Closing it closes neither the reader's socket nor ours."""
        return io.BufferedReader(self)


@contextlib.contextmanager
def opened(route: Route, network: Network) -> Iterator[socket.socket]:
    """Have a connection to where the route leads, closed afterwards. OSError or NoAnswer where there is none."""
    # Before anything is sent: a client certificate that cannot be read is our fault, not the server's.
    context = tls.context(route.tls) if route.tls else None
    with _first_stop(route, network) as plain:
        if context is None:
            yield plain
            return
        if route.proxy:
            _tunnel(plain, route, network.progress)
        with secured(plain, context, route.server_name, network.progress) as encrypted:
            yield encrypted


def begun(response: http.client.HTTPResponse) -> http.client.HTTPResponse:
    """Read up to the end of the headers of the final answer."""
    try:
        response.begin()
        while 101 < response.status < 200:  # http.client itself skips only 100
            response.headers = None  # type: ignore[assignment]  # its sign for "not begun yet"
            response.begin()
    except TooMuch:
        raise NoAnswer(f"headers of more than {size_text(HEADER_LIMIT)}") from None
    except ValueError:  # some kinds of garbage reach the codecs below http.client
        raise NoAnswer("broken HTTP answer") from None
    return response


def _first_stop(route: Route, network: Network) -> socket.socket:
    try:
        return connected(route.first_stop, route.family, network)
    except (OSError, NoAnswer) as error:
        if not route.proxy:
            raise
        raise CheckError(f"proxy {route.proxy}: {network.progress.failed(error)}") from None


def _tunnel(plain: socket.socket, route: Route, progress: Progress) -> None:
    """Ask the proxy for a connection to the server."""
    progress.enter("proxy", f"asking the proxy {route.proxy} for {route.host}")
    target = f"{Address(route.host)}:{route.port}"
    send(plain, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{route.proxy_headers}\r\n".encode("latin-1"), progress)
    reader = Reader(plain, progress)
    reader.begun = True  # its bytes are not yet the answer's
    response = begun(http.client.HTTPResponse(reader, method="CONNECT"))  # type: ignore[arg-type]  # it only calls makefile
    response.close()
    if response.status == http.client.PROXY_AUTHENTICATION_REQUIRED:
        raise CheckError(f"proxy {route.proxy} refuses us: write user and password into its URL")
    if response.status != http.client.OK:
        raise NoAnswer(f"the proxy answered {response.status}")
