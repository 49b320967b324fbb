"""The relay's page: what it says of itself, for people and for machines."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec
from bottle import Bottle, HTTPResponse, request

from agent.config.page_address import PageAddress
from agent.fleet.page.metrics import exposition
from agent.fleet.status import Shown
from agent.page import html
from agent.page.answers import HTML, JSON, TEXT, answer, error, guarded
from agent.page.templates import filled

METRICS = "text/plain; version=0.0.4; charset=utf-8"
FILES = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
STALE = 30_000
"""Milliseconds after which what a relay said of itself is no sign of its being at work."""

Show = Callable[[], tuple[Shown, int]]
"""Returns what the relay knows, and now in Unix milliseconds. Any thread may call it."""


def application(show: Show, address: PageAddress) -> Any:
    """Return the WSGI application. Its paths are called by the server's threads."""
    app = Bottle()
    app.config["catchall"] = False  # a bug of ours goes into our log, by waitress, and nowhere else
    paths: dict[str, Callable[[], HTTPResponse]] = {
        "/": lambda: _page(*show()),
        "/api/v1/status": lambda: answer(200, JSON, msgspec.json.encode(show()[0])),
        "/metrics": lambda: answer(200, METRICS, _metrics(*show())),
        "/healthz": lambda: answer(200, TEXT, "ok\n"),
        "/readyz": lambda: _ready(*show()),
        **{f"/{name}": _file(name, kind) for name, kind in FILES.items()},
    }
    for path, act in paths.items():
        app.route(path, method="GET", callback=guarded(act, address))
    for code in (400, 404, 405, 500):
        app.error(code)(error)
    return app


def _file(name: str, kind: str) -> Callable[[], HTTPResponse]:
    text = (files("agent.page") / "files" / name).read_text()
    return lambda: answer(200, kind, text)


def _page(shown: Shown, now: int) -> HTTPResponse:
    status = shown.status
    title = f"{status.waiting if status else 0} changes wait in the fleet"
    part = filled("relay", now, title=title, shown=shown, status=status, fresh=is_ready(shown, now))
    if request.query.get("part") == "main":
        return answer(200, HTML, part)
    return answer(200, HTML, html.whole(part, "relay", ""))


def _metrics(shown: Shown, now: int) -> bytes:
    return exposition(shown, is_ready(shown, now))


def _ready(shown: Shown, now: int) -> HTTPResponse:
    ready = is_ready(shown, now)
    holder = shown.grant.holder if shown.grant else ""
    return answer(200 if ready else 503, JSON, msgspec.json.encode({"ready": ready, "at_work": holder}))


def is_ready(shown: Shown, now: int) -> bool:
    """Tell whether some relay is at work, this one or another."""
    return bool(shown.grant and shown.grant.holder and shown.status and now < shown.status.at + STALE)
