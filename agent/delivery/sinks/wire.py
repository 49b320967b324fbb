"""One HTTP request with a deadline over all of it. Importing this imports requests: 4 MB, so it is done late."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException

import msgspec

from agent.config.web_address import proxy_url
from agent.delivery.named_files import NamedFiles
from agent.delivery.sinks.connections import TlsAdapter, TolerantAdapter
from agent.delivery.sinks.credentials import signing
from agent.delivery.sinks.packing import LIMIT, unpack
from agent.delivery.sinks.reasons import reason
from agent.delivery.sinks.requests_parts import requests, urllib3
from agent.plugin.shared_work import Call

CHUNK = 4096
"""Bytes a read: what has come is handed over with each."""
LEAST_CONNECT = 3.0
"""Seconds: two lost packets are sent again within."""
LATEST = 60.0
"""Seconds: who answers later than that is not listened for any more."""
MOST_HANGING = 8
"""Requests that were given up and still wait for a server that drips; beyond that no further one is started."""


class NoAnswer(Exception):
    """No answer came. Its text says why; no URL and no header is in it."""


class Way(msgspec.Struct, frozen=True):
    """How a server is reached, as the settings say."""

    timeout: float
    """Seconds for one request, everything included."""
    proxy: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""


class Response(msgspec.Struct, frozen=True):
    """What a server answered, unpacked; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: str = ""
    """Why the end of the body did not come."""


class Request(msgspec.Struct, frozen=True):
    """What a server is asked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def uses_tls(self) -> bool:
        return self.url[:6].lower() == "https:"


class GivenUp(msgspec.Struct, frozen=True):
    """A request for whose answer nobody waits any more; `responses` fills when it comes all the same."""

    request: Request
    call: Call
    responses: list[Response]


class Client:
    """Asks one server. Each request runs on a thread of its own, because requests' time-outs are per read and a
    dripping server never meets them. A request that was given up may still arrive: what it carries is repeated then,
    under the same id, until its answer comes late. One emitter's thread uses it.
    """

    def __init__(self, way: Way) -> None:
        self._way = way
        files = {"ca_file": way.ca_file, "client_cert": way.client_cert, "client_key": way.client_key}
        self._files = NamedFiles(files, lambda: None) if any(files.values()) else None
        self._given_up: list[GivenUp] = []

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        """Return the answer, or raise NoAnswer, before the time-out is over.

        What came of an answer whose end does not come is returned as well: it may say that all was taken, and what is
        repeated then is told twice.
        """
        request = Request(method, url, headers, body)
        if late := self._take_late(request):
            return late
        hanging = sum(not one.call.done.is_set() for one in self._given_up)
        if hanging >= MOST_HANGING:
            raise NoAnswer(f"{hanging} requests that were given up still hang")
        end = time.monotonic() + self._way.timeout
        self._read_files(request)
        responses: list[Response] = []
        call = Call(lambda: _send(request, self._way, end + late_seconds(self._way.timeout), responses.append))
        call.begin()
        if not call.done.wait(max(0.0, end - time.monotonic())):
            self._given_up.append(GivenUp(request, call, responses))
            return _as_far(responses, f"no complete answer within {self._way.timeout:g}s")
        try:
            call.result()
        except (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
            return _as_far(responses, reason(error))
        return _as_far(responses)

    def _take_late(self, request: Request) -> Response | None:
        """Return what came meanwhile of an answer to the same that was given up: a slow service has taken it."""
        self._given_up = [one for one in self._given_up if one.responses or not one.call.done.is_set()][
            -2 * MOST_HANGING :
        ]
        for one in self._given_up:
            is_same = (one.request.url, one.request.body) == (request.url, request.body)
            if request.body is not None and is_same and one.responses:
                self._given_up.remove(one)
                return _as_far(one.responses)
        return None

    def _read_files(self, request: Request) -> None:
        # OpenSSL would wait for a pipe for ever, and says of no file which one it is.
        if self._files and (request.uses_tls or self._way.proxy[:6].lower() == "https:"):
            try:
                self._files.result(self._way.timeout)
            except OSError as error:
                raise NoAnswer(str(error)) from None


def _as_far(responses: list[Response], error: str = "") -> Response:
    """Return the latest of what came, unpacked; NoAnswer where not even the headers did."""
    if not responses:
        raise NoAnswer(error)
    last = responses[-1]
    body = unpack(last.body, last.headers.get("content-encoding", ""))
    return msgspec.structs.replace(last, body=body, error=error)


def _send(request: Request, way: Way, end: float, on_response: Callable[[Response], None]) -> None:
    """Ask, and hand over what has come of the answer with each piece that comes; `end` is monotonic seconds."""
    # A session a request: a connection kept for the next one, minutes later, is mostly a dead one.
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", TolerantAdapter(end))
        if request.uses_tls:
            session.mount("https://", TlsAdapter(end, host_cas=not way.ca_file))
        with session.request(
            request.method,
            request.url,
            data=request.body,
            headers={name: text.encode() for name, text in request.headers.items()},  # else é goes as Latin-1
            timeout=(connect_seconds(way.timeout), way.timeout + late_seconds(way.timeout)),
            proxies=dict.fromkeys(("http", "https"), proxy_url(way.proxy)) if way.proxy else {},
            verify=way.ca_file or True,
            auth=signing(request.url),
            cert=((way.client_cert, way.client_key) if way.client_key else way.client_cert) or None,
            allow_redirects=False,
            stream=True,
        ) as response:
            fields = {name.lower(): text for name, text in response.headers.items()}
            on_response(Response(response.status_code, fields, b""))
            for piece in _read_body(response):
                on_response(Response(response.status_code, fields, piece))


def late_seconds(timeout: float) -> float:
    """Return for how many seconds an answer that is late is still listened for."""
    return min(3 * timeout, LATEST)


def connect_seconds(timeout: float) -> float:
    """Return the seconds that one address of a name may take: where IPv6 leads nowhere, IPv4 has its turn in time."""
    return max(timeout / 4, min(timeout, LEAST_CONNECT))


def _read_body(response: requests.Response) -> Iterator[bytes]:
    """Yield what has come of the body, up to its bound."""
    data = b""
    while len(data) < LIMIT:
        chunk = response.raw.read1(CHUNK, decode_content=False)
        if not chunk:
            break
        data += chunk
        yield data[:LIMIT]
