"""Pure: whether an answer leads on, and what is asked next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from checks._network.progress import NoAnswer
from checks.http import cookies
from checks.http.addresses import HttpUrl
from checks.http.head import Head
from checks.http.request import Request, basic

if TYPE_CHECKING:
    from checks.http.check import Http

REDIRECTS = frozenset((301, 302, 303, 307, 308))

_EXTRA_SLASHES = re.compile(r"^((?:https?:)?)/{3,}", re.IGNORECASE)
"""Before a host, browsers and curl take any number of slashes for two."""
_ASCII = "".join(map(chr, range(128)))


def next_request(check: Http, request: Request, head: Head, now: float) -> Request | None:
    """Return what to ask after this answer, None when it is the final one; `now` is Unix seconds.

    An expected status is final also where it is a redirect. NoAnswer where it leads nowhere.
    """
    place = _place(check, request.url, head)
    if not place:
        return None
    target, authorization = _read(place, head.status)
    method, body = _method_and_body(request, head.status, target)
    # After a POST, 303 means that it was taken, and where to look.
    turned = request.turned or ((method, body) != (request.method, request.body) and head.status != 303)
    return Request(
        url=target,
        method=method,
        body=body,
        jar=cookies.collect(request.jar, request.url, head.headers, now),
        turned=turned,
        lost_settings=describe_lost_settings(check, target, turned),
        lost_tls=request.lost_tls or (request.url.scheme == "https" and target.scheme == "http"),
        authorization=authorization,
    )


def _place(check: Http, url: HttpUrl, head: Head) -> str:
    """Return the whole URL to which an answer leads; nothing where it is the final one."""
    location = next(filter(None, head.headers.all("location")), "")
    expected = head.status in check.expect_status or (check.warning_status and head.status in check.warning_status)
    if head.status not in REDIRECTS or not location or not check.redirects or expected:
        return ""
    try:
        return urljoin(url.whole, _EXTRA_SLASHES.sub(r"\1//", _readable(location), count=1))
    except ValueError:
        return location


def _read(place: str, status: int) -> tuple[HttpUrl, str]:
    """Return the URL, and the Authorization header of a user and password that the server wrote into it."""
    try:
        parts = urlsplit(place)
        user_info, at, host = parts.netloc.rpartition("@")
        user, _, password = user_info.partition(":")
        url = HttpUrl.parse(urlunsplit(parts._replace(netloc=host)) if at else place)
    except ValueError as error:
        raise NoAnswer(f"a redirect ({status}) that cannot be followed, {error}") from None
    return url, basic(unquote(user), unquote(password)) if user or password else ""


def _readable(location: str) -> str:
    """Read what came as Latin-1: beyond ASCII it is UTF-8 in practice, and other bytes go back as they came."""
    data = location.encode("latin-1")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return quote(data, safe=_ASCII)


def _method_and_body(request: Request, status: int, target: HttpUrl) -> tuple[str, bytes]:
    """Return method and body as browsers do; a body goes to no other server (NoAnswer)."""
    if status not in (307, 308):
        return "HEAD" if request.method == "HEAD" else "GET", b""
    if request.body and not request.url.same_server(target):
        raise NoAnswer(f"a redirect ({status}) would send the body to another server, {target}: ask that one")
    return request.method, request.body


def describe_lost_settings(check: Http, target: HttpUrl, turned: bool) -> str:
    """Say which settings did not go along; nothing where there are none. `turned`: a redirect made a GET of it."""
    names = ("headers", "user", "bearer_token", "client_cert", "server_name", "connect_to", "unix_socket")
    lost = [] if check.url.same_server(target) else [name for name in names if getattr(check, name)]
    if turned:
        lost += ["method"] * (check.method not in ("GET", "HEAD"))
        lost += [name for name in ("body", "body_file") if getattr(check, name)]
    return f"{', '.join(lost)} stayed behind at the redirect to {target}" if lost else ""
