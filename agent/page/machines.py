"""The paths for what asks by itself: status, metrics, health, readiness."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from bottle import HTTPResponse

from agent.page.answers import JSON, METRICS, TEXT, answer
from agent.page.readiness import Readiness, Ready
from agent.page.source import Source
from agent.view.forms.status import status_form
from agent.view.metrics import exposition


def machines(source: Source, ready: Readiness) -> dict[str, Callable[..., HTTPResponse]]:
    """Return each path with what answers it."""
    get = source.cache.get
    return {
        "/api/v1/status": lambda: answer(200, JSON, get("status", lambda: _status(source))),
        "/metrics": lambda: answer(200, METRICS, get("metrics", lambda: _metrics(source))),
        "/healthz": lambda: answer(200, TEXT, "ok\n"),
        "/readyz": lambda: _readiness(get("ready", ready)),
    }


def _status(source: Source) -> bytes:
    snapshot = source.snapshot()
    return msgspec.json.encode(status_form(snapshot, snapshot.subjects))


def _metrics(source: Source) -> bytes:
    return exposition(source.snapshot())


def _readiness(ready: Ready) -> HTTPResponse:
    return answer(200 if ready.ready else 503, JSON, msgspec.json.encode(ready))
