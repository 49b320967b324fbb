"""One check's questions and the answer to the last of them: what pure code decides, carried out on sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from typing import TYPE_CHECKING

import msgspec

from agent.api import CheckError, size_text
from checks._network.certificates import Certificate
from checks._network.certificates import certificate as certificate_of
from checks._network.connection import send
from checks._network.network import Network
from checks._network.progress import NoAnswer
from checks._opening import open_regular
from checks.http import cookies, digest
from checks.http.addresses import HttpUrl
from checks.http.connection import open_route, proxy_wants_password, read_body, read_head
from checks.http.head import Head, Headers
from checks.http.reader import AnswerReader
from checks.http.redirects import next_request
from checks.http.request import Request, Route, request_bytes, route_of

if TYPE_CHECKING:
    from checks.http.check import Http

BODY_FILE_LIMIT = 16 * 1024 * 1024


class Answer(msgspec.Struct, frozen=True):
    """The final answer. `body` is empty unless a condition wants to see it; `size` counts its bytes as sent."""

    status: int
    headers: Headers
    body: bytes
    size: int
    cut: bool
    """The body went on beyond `body_limit`."""
    url: HttpUrl
    tls_version: str
    certificate: Certificate | None
    """Of all connections on the way, the certificate that expires first."""
    lost_settings: str = ""
    lost_tls: bool = False


async def exchange(check: Http, network: Network) -> Answer:
    """Ask, follow redirects, and return the last answer; OSError or NoAnswer without one, CheckError by our fault."""
    request = Request(check.url, check.method, await _body(check, network))
    certificates: list[Certificate] = []
    for _ in range(check.redirects + 1):
        try:
            outcome = await _step(check, request, certificates, network)
        except (OSError, NoAnswer):
            network.progress.hint = network.progress.hint or request.lost_settings
            raise
        if isinstance(outcome, Answer):
            return outcome
        network.progress.doing = "following redirects"
        request = outcome
    raise NoAnswer(
        f"more than {check.redirects} redirects, the last one to {request.url}{cookies.describe_withheld(request.jar)}"
    )


async def _step(check: Http, request: Request, certificates: list[Certificate], network: Network) -> Answer | Request:
    """Ask, again where the server must be told who asks; return the answer, or what is to be asked next.

    `certificates` are of all connections on the way.
    """
    route = route_of(check, request.url)
    with await open_route(route, network) as connection:
        if isinstance(connection, ssl.SSLSocket) and (certificate := certificate_of(connection)):
            certificates.append(certificate)
        reader = AnswerReader(request.method, int(check.body_limit), check.sees_body)
        head = await _ask(check, request, route, connection, reader, network)
        second_try = digest.again(check, request, head, os.urandom(12).hex()) if check.auth == "digest" else None
        following = second_try or next_request(check, request, head, network.ctx.now())
        if following is None:
            await read_body(connection, reader, network.progress)
            return _answer(request, connection, reader, head, certificates)
    return await _step(check, second_try, certificates, network) if second_try else following


async def _ask(
    check: Http, request: Request, route: Route, connection: socket.socket, reader: AnswerReader, network: Network
) -> Head:
    network.progress.enter("first_byte", "sending the request")
    # A server may refuse, and close, before it has read a long body; what it said is there to be read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        await send(connection, request_bytes(check, request), network.progress)
    # Others go on meanwhile. A near server has answered by then, and nobody need wait for the socket.
    await asyncio.sleep(0)
    head = await read_head(connection, reader, network.progress)
    if head.status == 407 and route.proxy and not route.tls:
        raise proxy_wants_password(route)
    return head


def _answer(
    request: Request,
    connection: socket.socket,
    reader: AnswerReader,
    head: Head,
    certificates: list[Certificate],
) -> Answer:
    return Answer(
        status=head.status,
        headers=head.headers,
        body=reader.body,
        size=reader.size,
        cut=reader.cut,
        url=request.url,
        tls_version=(connection.version() or "") if isinstance(connection, ssl.SSLSocket) else "",
        certificate=min(certificates, key=lambda one: one.expires, default=None),
        lost_settings=request.lost_settings,
        lost_tls=request.lost_tls,
    )


async def _body(check: Http, network: Network) -> bytes:
    if not check.body_file:
        return check.body.encode()
    return await network.ctx.call_async(f"read {check.body_file}", lambda: _content(check.body_file))


def _content(path: str) -> bytes:
    """Read the file of a request's body; CheckError where it cannot be read or is no regular file of bounded size."""
    try:
        with open(open_regular(path), "rb") as file:  # noqa: PTH123 - a descriptor
            content = file.read(BODY_FILE_LIMIT + 1)
    except OSError as error:
        raise CheckError(f"body_file {path}: {(error.strerror or str(error)).lower()}") from None
    if len(content) > BODY_FILE_LIMIT:
        raise CheckError(f"body_file {path} has more than {size_text(BODY_FILE_LIMIT)}")
    return content
