"""Pure: what is asked, and what is asked next after a redirect."""

from __future__ import annotations

import base64
import http.client
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import msgspec

from checks._network.progress import NoAnswer
from checks.http.addresses import HttpUrl, ProxyUrl

if TYPE_CHECKING:
    from checks.http.check import Http

REDIRECTS = frozenset((301, 302, 303, 307, 308))


class Request(msgspec.Struct, frozen=True):
    url: HttpUrl
    method: str
    body: bytes = b""


def request_bytes(check: Http, request: Request) -> bytes:
    """Write the request; settings for the URL's own server go to no other, where a redirect may lead."""
    url = request.url
    headers = {"host": ("Host", url.authority), "user-agent": ("User-Agent", "hostvigil"), "accept": ("Accept", "*/*")}
    headers["accept-encoding"] = ("Accept-Encoding", "identity")
    if url.origin == check.url.origin:
        headers |= _own_headers(check)
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = ("Content-Length", str(len(request.body)))
    headers["connection"] = ("Connection", "close")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.values())
    plain_proxy = check.proxy is not None and url.scheme == "http"
    target = url.whole if plain_proxy else url.target
    lines += proxy_headers(check.proxy) if plain_proxy else ""
    return f"{request.method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + request.body


def _own_headers(check: Http) -> dict[str, tuple[str, str]]:
    own = {name.lower(): (name, value) for name, value in check.headers.items()}
    if check.user:
        own["authorization"] = ("Authorization", _basic(check.user, check.password))
    elif check.bearer_token:
        own["authorization"] = ("Authorization", f"Bearer {check.bearer_token}")
    return own


def proxy_headers(proxy: ProxyUrl | None) -> str:
    if proxy is None or not proxy.user:
        return ""
    return f"Proxy-Authorization: {_basic(proxy.user, proxy.password)}\r\n"


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def redirect_target(check: Http, url: HttpUrl, response: http.client.HTTPResponse) -> HttpUrl | None:
    """Return where to go on; None when this is the answer: no redirect, not to be followed, or an expected status."""
    location = response.headers.get("Location")
    if (
        response.status not in REDIRECTS
        or not location
        or not check.redirects
        or response.status in check.expect_status
    ):
        return None
    try:
        # http.client reads headers as Latin-1; an address beyond ASCII is UTF-8 in practice.
        return HttpUrl.parse(urljoin(url.whole, str(location).encode("latin-1").decode(errors="replace").strip()))
    except ValueError as error:
        raise NoAnswer(f"a redirect ({response.status}) that cannot be followed, {error}") from None


def redirected(request: Request, status: int, target: HttpUrl) -> Request:
    """Ask the next question as browsers do; a body goes to no other server (NoAnswer)."""
    if status in (307, 308):
        if request.body and target.origin != request.url.origin:
            raise NoAnswer(f"a redirect ({status}) would send the body to another server, {target}")
        return Request(target, request.method, request.body)
    return Request(target, "HEAD" if request.method == "HEAD" else "GET")
