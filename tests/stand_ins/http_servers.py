"""Servers on loopback that behave as told: each connection is given to a function that says what to do with it."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from agent.api import Context, Metric, Result
from agent.plugin.results import gather
from checks.http.addresses import HttpUrl
from checks.http.check import Http, run
from tests.checks.looks import found

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Visit:
    """One connection: what was asked, and the means to answer."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self.connection = connection
        self.over = over
        self.request = b""

    def read_request(self) -> bytes:
        """Read it with its body: what is unread when a connection is closed has the kernel reset it instead."""
        while not _is_whole(self.request) and (piece := self.connection.recv(65536)):
            self.request += piece
        return self.request

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes, pause: float = 0.02) -> None:
        for place in range(len(data)):
            if self.over.wait(pause):
                return
            self.send(data[place : place + 1])

    def for_ever(self, data: bytes) -> None:
        while not self.over.is_set():
            self.send(data)

    def hang(self) -> None:
        self.over.wait(30)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


class Server:
    """Where it listens, and what it was asked, in order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[bytes] = []
        self.server_names: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


Talk = Callable[[Visit], None]


@contextlib.contextmanager
def serving(
    talk: Talk | bytes = OK, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", greedy: bool = True
) -> Iterator[Server]:
    """Serve until the end of the block. Bytes are an answer; `greedy` reads the request before it talks."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family)
    server = Server(listener.getsockname()[1])
    if tls:
        tls.sni_callback = lambda _, name, __: server.server_names.append(name)
    over = threading.Event()
    answer = (lambda visit: visit.send(talk)) if isinstance(talk, bytes) else talk

    def visited(connection: socket.socket) -> None:
        # The other side hangs up whenever it likes; that is what these servers are for.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            connection.settimeout(30)
            if tls:
                connection = stack.enter_context(tls.wrap_socket(connection, server_side=True))
            visit = Visit(connection, over)
            if greedy:
                if not visit.read_request():
                    return  # another test of this host looks who listens
                server.requests.append(visit.request)
            answer(visit)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                visits.append(threading.Thread(target=visited, args=(connection,), daemon=True))
                visits[-1].start()

    visits: list[threading.Thread] = []
    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [accepting, *visits]:
            thread.join(5)


def http(url: str, **settings: Any) -> Http:
    return Http(url=HttpUrl.parse(url), **settings)


def look(check: Http, timeout: float = 5.0, **seams: Any) -> Result:
    """Run the check as the runner does, and return its one result."""
    (result,) = gather(found(run(check, Context(timeout=timeout), **seams)))
    return result


def timed_look(check: Http, timeout: float, **seams: Any) -> tuple[Result, float]:
    began = time.monotonic()
    result = look(check, timeout, **seams)
    return result, time.monotonic() - began


def metric(result: Result, name: str) -> Metric:
    return next(one for one in result.metrics if one.name == name)
