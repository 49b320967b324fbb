"""One HTTP request with a deadline over all of it. Importing this imports requests: 19 MB, so it is done late."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from agent.config.settings import EventsSettings
from agent.plugin.context import Call

BODY_LIMIT = 64 * 1024
"""Bytes of an answer that are read."""


class Fault(Exception):
    """No answer came. Its text says why; no URL and no header is in it."""


class Request:
    """One request, on a thread of its own: requests' time-outs are per read, so a dripping server never meets them."""

    def __init__(self, settings: EventsSettings, method: str, url: str, headers: dict[str, str], body: bytes | None):
        self._settings = settings
        self._method, self._url, self._headers, self._body = method, url, headers, body
        self._connections: list[Any] = []
        self._given_up = False

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (names in lower case) and body, or raise Fault, before the time-out is over."""
        call = Call(self._send)
        if not call.done.wait(self._settings.timeout):
            self._give_up()
            raise Fault(f"no complete answer within {self._settings.timeout:g}s")
        try:
            return call.result()  # type: ignore[no-any-return]  # what _send returns
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            raise Fault(reason(error)) from None

    def _send(self) -> tuple[int, dict[str, str], bytes]:
        settings = self._settings
        proxies = {"http": settings.proxy, "https": settings.proxy} if settings.proxy else {}
        certificate = (settings.client_cert, settings.client_key) if settings.client_key else settings.client_cert
        # A session a request: a connection kept for the next event, minutes later, is mostly a dead one.
        with requests.Session() as session:
            session.trust_env = False
            for scheme in ("https://", "http://"):
                session.mount(scheme, _Adapter(self._watched))
            with session.request(
                self._method,
                self._url,
                data=self._body,
                headers=self._headers,
                timeout=settings.timeout,
                proxies=proxies,
                verify=settings.ca_file or True,
                cert=certificate or None,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = response.raw.read(BODY_LIMIT, decode_content=False)
                return response.status_code, {name.lower(): text for name, text in response.headers.items()}, body

    def _watched(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """Have every connection known here, and sent nothing over it once the request was given up.

        A name server that answers after our deadline would otherwise deliver an event that we are going to repeat.
        """

        def connection(*args: Any, **kwargs: Any) -> Any:
            made = make(*args, **kwargs)
            connect = made.connect

            def connect_in_time() -> None:
                connect()
                if self._given_up:
                    made.close()
                    raise TimeoutError

            made.connect = connect_in_time
            self._connections.append(made)
            return made

        return connection

    def _give_up(self) -> None:
        """End the thread's waiting, so that a hanging server does not collect our threads."""
        self._given_up = True
        for connection in self._connections:
            # Not the TLS socket's own shutdown, which pulls its state from under the reading thread. OSError: it is
            # not connected yet, or not any more; AttributeError or TypeError: it has no socket now.
            with contextlib.suppress(OSError, AttributeError, TypeError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Has its connections watched."""

    def __init__(self, watched: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._watched = watched
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = self._watched(type(pool).ConnectionCls)
        return pool


def reason(error: BaseException) -> str:
    """Say why a request failed by the error at the bottom: the layers above quote URLs and object addresses."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return f"the name cannot be resolved: {cause.strerror}"
        if isinstance(cause, TimeoutError):
            return "no answer in time"
        if verify_message := getattr(cause, "verify_message", ""):
            return f"the server's certificate is not trusted: {verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(causes[0]) or type(causes[0]).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what led to the error, the first cause first."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) and cause not in chain:
        chain.append(cause)
    yield from reversed(chain)
