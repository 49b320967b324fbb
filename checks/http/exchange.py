"""One check's questions and the answer to the last of them, redirects followed, bodies bounded."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import TYPE_CHECKING

import msgspec

from checks._network import tls
from checks._network.connection import FAMILIES, Network, send
from checks._network.progress import NoAnswer
from checks.http.addresses import HttpUrl
from checks.http.connection import Reader, Route, TooMuch, begun, opened
from checks.http.request import Request, proxy_headers, redirect_target, redirected, request_bytes

if TYPE_CHECKING:
    from checks.http.check import Http

PIECE = 64 * 1024


class Answer(msgspec.Struct, frozen=True):
    """The final answer. `body` is empty unless a condition wants to see it; `size` counts its bytes as sent."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    size: int
    cut: bool
    """The body went on beyond `body_limit`."""
    url: HttpUrl
    tls_version: str
    certificate: tls.Certificate | None
    """Of all connections on the way, the certificate that expires first."""


def asked(check: Http, network: Network) -> Answer:
    """Ask, follow redirects, and return the last answer; OSError, HTTPException, ValueError or NoAnswer without one."""
    request = Request(check.url, check.method, check.body.encode())
    earliest: tls.Certificate | None = None
    for _ in range(check.redirects + 1):
        with opened(_route(check, request.url), network) as connection:
            earliest = _earlier(earliest, connection)
            reader, response = _response(check, request, connection, network)
            network.progress.doing = "following redirects"
            target = redirect_target(check, request.url, response)
            if target is None:
                return _answer(check, request, connection, reader, response, network, earliest)
            response.close()
        request = redirected(request, response.status, target)
    raise NoAnswer(f"more than {check.redirects} redirects, the last one to {request.url}")


def _earlier(earliest: tls.Certificate | None, connection: socket.socket) -> tls.Certificate | None:
    found = tls.certificate(connection) if isinstance(connection, ssl.SSLSocket) else None
    if found and earliest:
        return min(found, earliest, key=lambda one: one.expires)
    return found or earliest


def _route(check: Http, url: HttpUrl) -> Route:
    """Find the way: what was configured for the URL's own server is for no other."""
    own = url.origin == check.url.origin
    to = check.connect_to if own else None
    return Route(
        host=to.host if to else url.host,
        port=(to.port if to else 0) or url.port,
        tls=_tls_settings(check, own) if url.scheme == "https" else None,
        server_name=(check.server_name if own else "") or url.host.rstrip("."),
        family=FAMILIES[check.ip_version],
        proxy=check.proxy,
        proxy_headers=proxy_headers(check.proxy),
    )


def _tls_settings(check: Http, own: bool) -> tls.TlsSettings:
    return tls.TlsSettings(
        check.verify,
        check.ca_file,
        check.client_cert if own else "",
        check.client_key if own else "",
        check.min_tls_version.version,
        ("http/1.1",),
    )


def _response(
    check: Http, request: Request, connection: socket.socket, network: Network
) -> tuple[Reader, http.client.HTTPResponse]:
    progress = network.progress
    progress.enter("first_byte", "sending the request")
    send(connection, request_bytes(check, request), progress)
    progress.doing = "waiting for the headers"
    reader = Reader(connection, progress)
    response = http.client.HTTPResponse(reader, method=request.method)  # type: ignore[arg-type]  # it only calls makefile
    return reader, begun(response)


def _answer(
    check: Http,
    request: Request,
    connection: socket.socket,
    reader: Reader,
    response: http.client.HTTPResponse,
    network: Network,
    earliest: tls.Certificate | None,
) -> Answer:
    network.progress.doing = "reading the body"
    body, size, cut = _body(response, reader, int(check.body_limit), check.sees_body)
    network.progress.leave()
    return Answer(
        status=response.status,
        headers=response.headers,
        body=body,
        size=size,
        cut=cut,
        url=request.url,
        tls_version=(connection.version() or "") if isinstance(connection, ssl.SSLSocket) else "",
        certificate=earliest,
    )


def _body(response: http.client.HTTPResponse, reader: Reader, limit: int, keep: bool) -> tuple[bytes, int, bool]:
    """Read the body up to its end or the limit: (what was kept, bytes read, whether it goes on)."""
    # Beyond this, a chunked body is mostly framing and there to keep us busy.
    reader.budget = limit + limit // 4 + PIECE
    reader.may_end = response.length is None and not response.chunked
    pieces: list[bytes] = []
    size = 0
    try:
        while size <= limit and (piece := response.read(min(PIECE, limit + 1 - size))):
            size += len(piece)
            if keep:
                pieces.append(piece)
    except TooMuch:
        return b"".join(pieces), size, True
    except ValueError:  # a chunk of a negative size
        raise NoAnswer("broken HTTP answer") from None
    finally:
        response.close()
    return b"".join(pieces)[:limit], min(size, limit), size > limit


def understood(error: Exception) -> Exception:
    """Word what http.client only names."""
    if isinstance(error, http.client.BadStatusLine) and not isinstance(error, OSError):
        return NoAnswer(f"not an HTTP answer, it begins with {str(error)[:16]!a}")
    if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
        return NoAnswer("broken HTTP answer")
    return error
