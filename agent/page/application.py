"""The paths: what is asked for, and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec
from bottle import Bottle, HTTPResponse, request

from agent.config.page_address import PageAddress
from agent.page import html
from agent.page.guard import HEADERS, is_own_host
from agent.page.readiness import Readiness
from agent.page.source import Source
from agent.store import StoreError
from agent.view.forms.status import status_form

METRICS = "text/plain; version=0.0.4; charset=utf-8"
HTML, TEXT, JSON = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json"
FILES = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}


def application(source: Source, ready: Readiness, address: PageAddress) -> Any:
    """Return the WSGI application. Its paths are called by the server's threads."""
    app = Bottle()
    app.config["catchall"] = False  # a bug of ours goes into our log, by waitress, and nowhere else
    kept = source.kept.get

    def overview() -> str:
        return html.overview(source.overview(), source.host())

    def check(name: str) -> str | None:
        found = source.check(name)
        return html.check(found, source.host()) if found else None

    def shown(key: str, make: Callable[[], str | None]) -> HTTPResponse:
        part = kept(key, make)
        if part is None:
            return _answer(404, TEXT, "There is no such check.\n")
        alone = request.query.get("part") == "main"
        return _answer(200, HTML, part if alone else html.whole(part, source.host()))

    routes: dict[str, Callable[..., HTTPResponse]] = {
        "/": lambda: shown("/", overview),
        r"/check/<name:re:[\s\S]+>": lambda name: shown(f"/check/{name}", lambda: check(name)),
        "/api/v1/status": lambda: _answer(200, JSON, kept("status", lambda: _status(source))),
        "/metrics": lambda: _answer(200, METRICS, kept("metrics", lambda: _metrics(source))),
        "/healthz": lambda: _answer(200, TEXT, "ok\n"),
        "/readyz": lambda: _readiness(kept("ready", ready)),
    }
    for name, kind in FILES.items():
        text = (files("agent.page") / "files" / name).read_text()
        routes[f"/{name}"] = lambda text=text, kind=kind: _answer(200, kind, text)
    for path, answer in routes.items():
        app.route(path, method="GET", callback=_guarded(answer, address))
    for code in (400, 404, 405, 500):
        app.error(code)(_error)
    return app


def _guarded(answer: Callable[..., HTTPResponse], address: PageAddress) -> Callable[..., HTTPResponse]:
    def guarded(**words: str) -> HTTPResponse:
        if not is_own_host(request.get_header("Host", ""), address):
            return _answer(421, TEXT, "Ask for it as 127.0.0.1 or localhost: this page answers to no other name.\n")
        try:
            return answer(**words)
        except StoreError as error:
            return _answer(503, TEXT, f"The agent's store cannot be read: {error}\n")

    return guarded


def _answer(status: int, kind: str, body: str | bytes) -> HTTPResponse:
    return HTTPResponse(body, status, {"Content-Type": kind, **HEADERS})


def _error(error: Any) -> str:
    """Say it without a word of what was asked."""
    error.headers.update({"Content-Type": TEXT, **HEADERS})
    return f"{error.status_line}\n"


def _status(source: Source) -> bytes:
    seen = source.snapshot()
    return msgspec.json.encode(status_form(seen, seen.subjects))


def _metrics(source: Source) -> bytes:
    from agent.view.metrics import exposition  # 1.4 MB that those who never ask for it do not pay

    return exposition(source.snapshot())


def _readiness(found: Any) -> HTTPResponse:
    return _answer(200 if found.ready else 503, JSON, msgspec.json.encode(found))
