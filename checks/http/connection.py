"""The sockets of the http check: the way to a server, by a proxy or not, and an answer read from it in time."""

from __future__ import annotations

import socket
import ssl

from agent.api import CheckError
from checks._network import tls
from checks._network.addresses import Address
from checks._network.connection import connect, connect_unix, receive, send, start_tls
from checks._network.network import Network
from checks._network.progress import NoAnswer, Progress
from checks.http.head import SPEAKS_TLS, BrokenAnswer, Head
from checks.http.reader import AnswerReader
from checks.http.request import Route

GATEWAY_FAILURES = (502, 504)
"""What a proxy says when it did not reach the server; all else but success is about the proxy itself."""


async def open_route(route: Route, network: Network) -> socket.socket:
    """Return a connection to where the route leads, to be closed. OSError or NoAnswer where there is none."""
    # Before anything is sent: a client certificate that cannot be read is our fault, not the server's.
    context = await tls.context_for(route.tls, network.ctx) if route.tls else None
    plain = await _first_stop(route, network)
    if context is None:
        return plain
    try:
        if route.proxy:
            await _tunnel(plain, route, network.progress)
        return await start_tls(plain, context, route.server_name, network.progress)
    except BaseException:
        plain.close()
        raise


async def read_head(connection: socket.socket, reader: AnswerReader, progress: Progress) -> Head:
    """Read up to the end of the headers of the final answer."""
    progress.doing = "waiting for the headers"
    has_data = False
    while reader.head is None:
        piece = await receive(connection, progress)
        if piece and not has_data:
            has_data = True
            progress.enter("transfer", "reading the headers")
        elif not piece and not has_data:
            progress.hint = _other_speech(connection)
        try:
            reader.receive(piece)
        except BrokenAnswer as error:
            progress.hint = "write https://" if str(error) == SPEAKS_TLS else progress.hint
            raise
    return reader.head


def _other_speech(connection: socket.socket) -> str:
    """Say what a server may speak that closes without a word; nothing where it has agreed to HTTP/1.1."""
    if not isinstance(connection, ssl.SSLSocket):
        return "perhaps it speaks HTTP/2 only, or TLS: https://"
    return "" if connection.selected_alpn_protocol() == "http/1.1" else "perhaps it speaks HTTP/2 only"


async def read_body(connection: socket.socket, reader: AnswerReader, progress: Progress) -> None:
    """Read up to the end of the body, or its limit."""
    progress.doing = "reading the body"
    try:
        while not reader.complete:
            reader.receive(await receive(connection, progress))
    except TimeoutError:
        if reader.until_closed:
            progress.hint = "where it never ends, set body_limit: 0B"
        raise
    progress.leave()


async def _first_stop(route: Route, network: Network) -> socket.socket:
    if route.unix_socket:
        return await connect_unix(route.unix_socket, network.progress)
    try:
        return await connect(route.first_stop, route.family, network)
    except (OSError, NoAnswer) as error:
        if not route.proxy:
            raise
        raise CheckError(f"proxy {route.proxy}: {network.progress.describe_failure(error)}") from None


async def _tunnel(plain: socket.socket, route: Route, progress: Progress) -> None:
    """Ask the proxy for a connection to the server; CheckError where the proxy will not, whatever the server is."""
    progress.enter("proxy", f"asking the proxy {route.proxy} for {route.host}")
    target = f"{Address(route.host)}:{route.port}"
    question = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{route.proxy_headers}\r\n"
    try:
        status = await _ask_proxy(plain, question.encode(), progress)
    except (NoAnswer, ConnectionError) as error:
        raise CheckError(f"proxy {route.proxy}: {progress.describe_failure(error)}") from None
    if status == 407:
        raise proxy_wants_password(route)
    if status in GATEWAY_FAILURES:
        raise NoAnswer(f"the proxy answered {status}")
    if not 200 <= status < 300:
        raise CheckError(f"proxy {route.proxy} gives no way to {target}: it answered {status}")


async def _ask_proxy(proxy: socket.socket, question: bytes, progress: Progress) -> int:
    await send(proxy, question, progress)
    reader = AnswerReader("CONNECT")
    while reader.head is None:
        reader.receive(await receive(proxy, progress))
    return reader.head.status


def proxy_wants_password(route: Route) -> CheckError:
    has_user = bool(route.proxy_headers)
    why = "refuses this user and password" if has_user else "refuses us: write user and password into its URL"
    return CheckError(f"proxy {route.proxy} {why} (only basic authentication is spoken)")
