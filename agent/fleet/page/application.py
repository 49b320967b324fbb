"""The relay's page: what it says of itself, for people and for machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from bottle import Bottle, HTTPResponse, request

from agent.config.page_address import PageAddress
from agent.fleet.page.metrics import exposition
from agent.fleet.status import RelayView
from agent.page import html
from agent.page.answers import HTML, JSON, METRICS, TEXT, answer, error, files_of_page, guard
from agent.page.templates import fill

STALE = 30_000
"""Milliseconds after which what a relay said of itself is no sign of its being at work any more."""

Show = Callable[[], tuple[RelayView, int]]
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
        **files_of_page(),
    }
    for path, act in paths.items():
        app.route(path, method="GET", callback=guard(act, address))
    for code in (400, 404, 405, 500):
        app.error(code)(error)
    return app


def _page(view: RelayView, now: int) -> HTTPResponse:
    status = view.status
    title = f"{status.waiting if status else 0} changes wait in the fleet"
    part = fill("relay", now, title=title, view=view, status=status, fresh=is_ready(view, now))
    if request.query.get("part") == "main":
        return answer(200, HTML, part)
    return answer(200, HTML, html.whole(part, "relay", ""))


def _metrics(view: RelayView, now: int) -> bytes:
    return exposition(view, is_ready(view, now))


def _ready(view: RelayView, now: int) -> HTTPResponse:
    ready = is_ready(view, now)
    holder = view.grant.holder if view.grant else ""
    return answer(200 if ready else 503, JSON, msgspec.json.encode({"ready": ready, "at_work": holder}))


def is_ready(view: RelayView, now: int) -> bool:
    """Tell whether some relay is at work, this one or another; `now` in Unix milliseconds."""
    return bool(view.grant and view.grant.holder and view.status and now < view.heard_at + STALE)
