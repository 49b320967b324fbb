"""The test kit for authors of check types: run a check as the agent does, and say what it should have said.

    from agent.testing import check_type, ran

    Queue = check_type("checks.d/queue.py")

    def test_a_full_queue_is_critical(tmp_path):
        (tmp_path / "one").touch()
        ran(Queue(directory=str(tmp_path), critical=level(">0"))).is_critical("1 files")

`http_server` is a context manager, and a fixture for those who say `pytest_plugins = ["agent.testing"]`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from agent.api import Check, Metric, Result, Status
from agent.config.types.check_class import check_class
from agent.config.types.own_types import load_file
from agent.plugin.context import Context, SharedWork
from agent.running.execute import execute
from agent.running.memory_text import as_json, from_json

try:
    import pytest
except ImportError:  # a kit without pytest is still a kit
    pytest = None  # type: ignore[assignment]


class SharedValues(SharedWork):
    """Shared work that is there already: what `ctx.shared(key, ...)` returns instead of making it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._values = values

    def once(self, key: str, due: float, make: Callable[[], Any]) -> Any:
        return self._values[key] if key in self._values else super().once(key, due, make)


class Ran:
    """What one run said. `subject("/")` looks at one subject; a check with only one needs no such choice."""

    def __init__(self, results: tuple[Result, ...], memory: dict[str, Any] | None, bug: str = "") -> None:
        self.results = results
        """All results; several of one subject are one, the worst."""
        self.memory = memory or {}
        """What the check remembers for its next run: hand it to the next `ran`."""
        self.bug = bug
        """The traceback, where the check raised anything but CheckError."""

    @property
    def result(self) -> Result:
        """The one result; AssertionError where there are several."""
        if len(self.results) != 1:
            raise AssertionError(f"not one subject but {self.subjects}: say which by .subject(name)")
        return self.results[0]

    @property
    def subjects(self) -> list[str]:
        """The subjects that have a result."""
        return [result.subject for result in self.results]

    def subject(self, name: str) -> Ran:
        """Return what was said of one subject; AssertionError where nothing was."""
        matching = tuple(result for result in self.results if result.subject == name)
        if not matching:
            raise AssertionError(f"no subject {name!r} among {self.subjects}")
        return Ran(matching, self.memory, self.bug)

    @property
    def metrics(self) -> dict[str, Metric]:
        """The metrics of the one result, by name."""
        return {metric.name: metric for metric in self.result.metrics}

    def is_ok(self, said: str = "") -> Ran:
        """AssertionError unless the one result is ok, with this text in its summary or details."""
        return self._is(Status.OK, said)

    def is_warning(self, said: str = "") -> Ran:
        """As `is_ok`, for warning; there are `is_critical` and `is_nodata` as well."""
        return self._is(Status.WARNING, said)

    def is_critical(self, said: str = "") -> Ran:
        return self._is(Status.CRITICAL, said)

    def is_nodata(self, said: str = "") -> Ran:
        return self._is(Status.NODATA, said)

    def _is(self, status: Status, said: str) -> Ran:
        result = self.result
        if result.status is not status or said not in f"{result.summary}\n{result.details}":
            expected = f"{status}: ...{said}..." if said else str(status)
            raise AssertionError(f"wanted {expected}\n   got {result.status}: {result.summary}\n{self.bug}")
        return self


def ran(
    check: Check,
    *,
    memory: dict[str, Any] | None = None,
    shared: Mapping[str, Any] | None = None,
    now: float | None = None,
    timeout: float = 10.0,
) -> Ran:
    """Run a check once, exactly as the agent would.

    `memory` is what it remembers from its last run, `shared` what `ctx.shared` finds made already (a process table),
    `now` what `ctx.now()` says in seconds since 1970, `timeout` its deadline in seconds.
    """
    if isinstance(check, type):
        raise TypeError(f"ran() takes a check with its settings, not a type: write ran({check.__name__}(...))")
    wall = time.time if now is None else lambda: now
    before = _as_the_agent_keeps_it(memory or {})
    context = Context("test", timeout, _as_the_agent_keeps_it(before), SharedValues(shared or {}), wall=wall)
    output = execute(check, context)
    if not output.complete:
        return Ran(output.results, before, output.bug)  # what it remembered before a failed run stays
    try:
        return Ran(output.results, _as_the_agent_keeps_it(output.memory or {}), output.bug)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        bug = Result(Status.NODATA, f"a bug in this check: ctx.memory: {error}")
        return Ran((bug,), before, str(error))


def _as_the_agent_keeps_it(memory: dict[str, Any]) -> dict[str, Any]:
    return from_json(as_json(memory)[0])  # type: ignore[no-any-return]


def check_type(file: str | Path) -> type[Check]:
    """Return the check type in a file, as the agent would find it; CatalogError says what is wrong with it."""
    return check_class(load_file(Path(file)))


def files(folder: Path, texts: Mapping[str, str | bytes]) -> Path:
    """Write a small file system into a folder: `files(tmp_path, {"proc/loadavg": "0.1 0.2 0.3 1/2 3"})`."""
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


class HttpServer:
    """A real HTTP server on loopback. `answers` maps a path to (status, body); others are 404."""

    def __init__(self, answers: Mapping[str, tuple[int, str]] | None = None) -> None:
        self.answers = dict(answers or {})
        self.requests: list[str] = []
        """What was asked, such as `GET /health`."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Request(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.requests.append(f"{self.command} {self.path}")
                status, body = owner.answers.get(self.path, (404, "not found"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body.encode())

            do_HEAD = do_POST = do_PUT = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Be silent."""

        return Request


@contextmanager
def serving(answers: Mapping[str, tuple[int, str]] | None = None) -> Iterator[HttpServer]:
    """Serve HTTP while inside."""
    server = HttpServer(answers)
    try:
        yield server
    finally:
        server.close()


if pytest is not None:

    @pytest.fixture
    def http_server() -> Iterator[HttpServer]:
        """Serve HTTP for one test; set `http_server.answers`."""
        with serving() as server:
            yield server
