"""A stand-in for any service that takes a POST, on loopback: it keeps what came, and answers as the test says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple


class Post(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    """Monotonic seconds."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[Post], tuple[int, bytes]]


class WebService:
    """The server. `posts` holds each request in the order of arrival; `answer` may be exchanged at any time."""

    def __init__(self, answer: Answer = lambda post: (200, b"ok")) -> None:
        self.answer = answer
        self.posts: list[Post] = []
        self.hangs = threading.Event()
        """While it is set, requests wait for its end."""
        self._closing = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> WebService:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing = True
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for(self, count: int, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while len(self.posts) < count:
            assert time.monotonic() < until, f"{len(self.posts)} of {count} posts came within {seconds}s: {self.posts}"
            time.sleep(0.02)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): text for name, text in self.headers.items()}
                post = Post(self.path, headers, body, time.monotonic())
                while service.hangs.is_set() and not service._closing:
                    time.sleep(0.02)
                status, answer = service.answer(post)
                service.posts.append(post)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
