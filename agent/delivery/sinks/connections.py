"""The connections by which `requests` asks: in one piece, with answers read by our own rules, up to a moment.

Importing this imports requests.
"""

from __future__ import annotations

import io
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.client import HTTPResponse
from typing import Any

from agent.delivery.sinks.credentials import authorization
from agent.delivery.sinks.heads import read_head
from agent.delivery.sinks.requests_parts import (
    HTTPAdapter,
    HTTPConnection,
    HTTPConnectionPool,
    HTTPSConnection,
    HTTPSConnectionPool,
    PoolManager,
)
from agent.delivery.sinks.tls import tls_context


class TolerantAdapter(HTTPAdapter):
    """Has each answer read by `TolerantResponse`, up to `end` (monotonic seconds). It has the life of its session."""

    def __init__(self, end: float) -> None:
        self._pools = {name: partial(pool, end=end) for name, pool in POOLS.items()}
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        value = authorization(proxy)
        return {"Proxy-Authorization": value} if value else {}

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
