"""What a request says of who asks, and the answers that all paths share."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

from bottle import HTTPResponse, request

from agent.config.page_address import PageAddress
from agent.page import html
from agent.page.guard import headers, is_own_host, is_own_page
from agent.page.templates import plain
from agent.store import StoreError

HTML, TEXT, JSON = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
"""As Prometheus asks for it."""
FILES = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")


def answer(status: int, kind: str, body: str | bytes, acts: bool = False) -> HTTPResponse:
    return HTTPResponse(body, status, {"Content-Type": kind, **headers(acts)})


def go_to(path: str) -> HTTPResponse:
    """Send the browser to a path of ours."""
    return HTTPResponse("", 303, {"Location": path, **headers(acts=True)})


def files_of_page() -> dict[str, Callable[[], HTTPResponse]]:
    """Return the path of each file of the page with what answers it."""
    texts = {name: (files("agent.page") / "files" / name).read_text() for name in FILES}
    return {f"/{name}": partial(answer, 200, FILES[name], text) for name, text in texts.items()}


def check_path(name: str) -> str:
    return "/check/" + plain(name)


def error(response: Any) -> str:
    """Say it without a word of what was asked, nor of this host: who asks may have led somebody's browser here."""
    led_back = response.status_code == 404 and is_browser()
    response.headers.update({"Content-Type": HTML if led_back else TEXT, **headers(acts=False)})
    return html.whole(html.missing(), "", "") if led_back else f"{response.status_line}\n"


def is_browser() -> bool:
    """Tell whether a person looks at the answer."""
    return request.method in ("GET", "HEAD") and "text/html" in request.get_header("Accept", "")


def guard(act: Callable[..., HTTPResponse], address: PageAddress) -> Callable[..., HTTPResponse]:
    """Answer only who asks for this host by an own name, and says what cannot be read."""

    def call(**words: str) -> HTTPResponse:
        host = request.get_header("Host")
        if host is not None and not is_own_host(host, address):  # browsers say it; probes by HTTP/1.0 may not
            return answer(421, TEXT, "Ask for it as 127.0.0.1 or localhost: this page answers to no other name.\n")
        if request.method == "POST" and not is_own_page(request.get_header("Sec-Fetch-Site", "")):
            return answer(403, TEXT, "That was not asked for by this page.\n")
        try:
            return act(**words)
        except StoreError as fault:
            return answer(503, TEXT, f"The agent's store cannot be read: {fault}\n")

    return call


def where() -> str:
    """Return from where it is asked; what a proxy, or who says to be one, says of it stands beside it."""
    near = request.environ.get("REMOTE_ADDR") or "the socket"
    far = request.get_header("X-Forwarded-For", "").rpartition(",")[2].strip()
    return f"{far} by {near}" if _ADDRESS.fullmatch(far) else near
