"""The head of an answer to `requests`: what is odd in it costs that line, not the rest of the answer.

`http.client` takes one odd line for the end of all headers, a hundred headers for too many, and an informational answer
for the final one. What a service had taken would be told to it again, with every try. Importing this imports requests.
"""

from __future__ import annotations

import io
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.client import HTTPException, HTTPResponse, RemoteDisconnected
from typing import Any, BinaryIO

from agent.delivery.sinks.credentials import authorization
from agent.delivery.sinks.requests_parts import (
    HTTPAdapter,
    HTTPConnection,
    HTTPConnectionPool,
    HTTPSConnection,
    HTTPSConnectionPool,
    PoolManager,
)
from agent.delivery.sinks.tls import tls_context

HEADER_LIMIT = 512 * 1024
"""Bytes of an answer's heads, those of informational answers included."""
INFORMATIONAL_LIMIT = 100
"""Answers 1xx before the one that counts: who sends more may never come to it."""
WITHOUT_BODY = (204, 304)
"""Whatever they announce: who waits for it, waits until the time-out."""
USEFUL = frozenset(
    b"connection content-encoding content-length content-type date location retry-after transfer-encoding "
    b"x-request-id".split()
)
CODINGS = (b"content-encoding", b"transfer-encoding")
_STATUS_LINE = re.compile(rb"HTTP/\d{1,3}(\.\d{1,3})?[ \t]+([1-9]\d\d)(?!\d)", re.IGNORECASE)


class TolerantAdapter(HTTPAdapter):
    """Has each answer read by `TolerantResponse`, up to `end` (monotonic seconds). It has the life of its session."""

    def __init__(self, end: float) -> None:
        self._pools = {name: partial(pool, end=end) for name, pool in POOLS.items()}
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        said = authorization(proxy)
        return {"Proxy-Authorization": said} if said else {}

    def proxy_manager_for(self, proxy: str, **named: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **named)
        if not proxy.lower().startswith("socks"):  # which has connections of its own
            manager.pool_classes_by_scheme = self._pools  # type: ignore[assignment]  # they are only called
        return manager


class TlsAdapter(TolerantAdapter):
    """For https: has TLS spoken as curl does, with the CAs of this host beside those of requests, or without."""

    def __init__(self, end: float, *, host_cas: bool) -> None:
        self._host_cas = host_cas
        super().__init__(end)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=tls_context(host_cas=self._host_cas), **named)

    def proxy_manager_for(self, proxy: str, **named: Any) -> PoolManager:
        # A proxy may speak TLS itself, and is mostly of the company: its CA is the host's.
        contexts = {name: tls_context(host_cas=self._host_cas) for name in ("ssl_context", "proxy_ssl_context")}
        return super().proxy_manager_for(proxy, **contexts, **named)


class TolerantResponse(HTTPResponse):
    """One answer, a proxy's to CONNECT as well. The thread of its request owns it."""

    def __init__(self, *arguments: Any, end: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fp = io.BufferedReader(_Until(self.fp.detach(), end))

    def begin(self, **bounds: Any) -> None:
        """Read the head, and have http.client read what is left of it; HTTPException where what comes is no HTTP."""
        if self.headers is not None:  # read already
            return
        connection = self.fp
        try:
            self.fp = io.BufferedReader(io.BytesIO(read_head(connection)))
            super().begin(**bounds)
        finally:
            self.fp = connection


class _Until(io.RawIOBase):
    """What comes on a connection, up to a moment: a time-out is per read, and one that drips never meets it."""

    def __init__(self, raw: io.RawIOBase, end: float) -> None:
        self._raw = raw
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int | None:
        if time.monotonic() >= self._end:
            raise TimeoutError
        return self._raw.readinto(room)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Connection(HTTPConnection):
    """Sends a request in one piece, and reads the answer up to `end`.

    Who answers before it has read all (a limit of requests, or of sizes) closes, and what is sent then breaks TLS: the
    answer would be lost, and what was taken told again.
    """

    def __init__(self, *arguments: Any, end: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.response_class = partial(TolerantResponse, end=end)  # type: ignore[assignment]  # it is only called
        self._pieces: list[bytes] | None = None

    def request(self, *arguments: Any, **named: Any) -> None:
        pieces: list[bytes] = []
        self._pieces = pieces
        try:
            super().request(*arguments, **named)
        finally:
            self._pieces = None
        with suppress(ssl.SSLEOFError):  # as urllib3 does without TLS: the answer may be there
            self.send(b"".join(pieces))

    def send(self, data: Any) -> None:
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)


class TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


POOLS: dict[str, Callable[..., HTTPConnectionPool]] = {"http": _Pool, "https": _TlsPool}


def read_head(answer: BinaryIO) -> bytes:
    """Read up to the end of the final answer's head; return what matters of it, well formed."""
    remaining = HEADER_LIMIT
    for _ in range(INFORMATIONAL_LIMIT):
        lines = _read_lines(answer, remaining)
        remaining -= sum(map(len, lines))
        status = _status(lines[0])
        if status == 101 or not 100 <= status < 200:
            headers = [b"content-length: 0"] if status in WITHOUT_BODY else _useful(lines[1:])
            return b"\r\n".join([b"HTTP/1.1 %d -" % status, *headers, b"", b""])
    raise HTTPException(f"more than {INFORMATIONAL_LIMIT} informational answers")


def _read_lines(answer: BinaryIO, limit: int) -> list[bytes]:
    """Read status line and header lines; where the server closes within them, those that came."""
    lines: list[bytes] = []
    while line := answer.readline(limit + 1):
        limit -= len(line)
        if limit < 0:
            raise HTTPException(f"headers of more than {HEADER_LIMIT // 1024} KiB")
        if not lines and not line.strip():
            continue  # left over from an answer before, some servers think
        if not lines:
            _status(line)  # at once: what is no HTTP may never end
        if not (text := line.rstrip(b"\r\n")):
            break
        lines.append(text)
    if not lines:
        raise RemoteDisconnected("the server closed the connection without an answer")
    return lines


def _status(line: bytes) -> int:
    if match := _STATUS_LINE.match(line):
        return int(match[2])
    if line[:1] in (b"\x15", b"\x16") and line[1:2] == b"\x03":
        raise HTTPException("what answers speaks TLS: write https://")
    raise HTTPException("what answers does not speak HTTP/1.1")  # its words may be an echo of ours, with the key


def _useful(lines: list[bytes]) -> list[bytes]:
    """Return the headers that anybody here asks for; of several of one name the first, where it belongs to no list."""
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and (plain := name.rstrip().lower()) in USEFUL:  # a folded line begins with a blank
            before = headers.get(plain)
            if before is None or plain in CODINGS:
                headers[plain] = b", ".join(filter(None, (before, value.strip())))
    return [b": ".join(header) for header in _unify_codings(headers).items()]


def _unify_codings(headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Say chunks as http.client knows them: alone; what was packed before it was cut is packed all the same."""
    codings = [coding.strip() for coding in headers.get(b"transfer-encoding", b"").lower().split(b",")]
    if codings[-1] != b"chunked":
        return headers
    packed = [headers.get(b"content-encoding", b""), *codings[:-1]]
    return {**headers, b"transfer-encoding": b"chunked", b"content-encoding": b", ".join(filter(None, packed))}
