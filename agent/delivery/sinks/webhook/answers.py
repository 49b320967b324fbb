"""Pure: what a web service answered -> what that means for the notification."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from typing import Any
from urllib.parse import urlsplit

from agent.delivery.answer import Answer, Verdict
from agent.delivery.sinks.truewatch.answers import TEXT_LIMIT, seconds_to_wait
from agent.plugin.errors import CheckError
from agent.plugin.text import one_line
from agent.plugin.units import Regex

NOT_ALLOWED = "check the key in its url or headers"
A_PAGE = (
    "a page for people is not the service's own answer: something on the way to it (a proxy, a firewall) refuses this; "
    "where it refuses all, check its url"
)
# These say something of the way to the service, nothing of the notification.
OF_THE_WAY = {
    404: "check its url",
    405: "check its url",
    407: "the proxy wants authentication, check its proxy",
    408: "the server waited too long for the request",
    410: "check its url",
    421: "check its url",
    425: "the server wants to be asked again later",
}
OF_THE_POST = (413, 415, 422)
"""These are about what was sent, whoever says them."""


_LEADS_AWAY = re.compile(
    rb"""<input[^>]{1,1000}type\s*=\s*["']?password|<meta[^>]{1,1000}http-equiv\s*=\s*["']?refresh"""
    rb"""|(?:<script[^>]{0,300}>|<body[^>]{1,100}onload).{0,300}?\blocation"""
    rb"""(?:(?:\.href)?\s*=\s*["'`]|\.(?:replace|assign)\s*\()""",
    re.IGNORECASE | re.DOTALL,
)
"""What a page asks for a login by, or leads on to where it is asked for: at once, so not by what somebody clicks on."""
_IS_XML = re.compile(rb"<\?xml(?![^>]{0,200}>\s*(?:<!doctype\s+html|<html)\b)", re.IGNORECASE)
"""XHTML begins as XML does, and is a page all the same."""
NO = ("false", "0", "0.0")
"""How `ok` and `success` say no: also as a number or in quotes."""
A_PORTAL = "a page that asks for a login, or leads on, is not the service's own answer: look what is on the way to it"
NOT_TAKEN = "with this status the service says that it did not take it"
NOT_ACCEPTED = "the answer does not match `accepted`"


def classify(status: int, headers: dict[str, str], body: bytes, accepted: Regex | None = None) -> Answer:
    """Judge an HTTP answer. Header names in lower case; `accepted` is what the text of a 2xx must match."""
    detail = one_line(body[:TEXT_LIMIT].decode(errors="replace"), TEXT_LIMIT)
    text = f"HTTP {status}" + (f": {detail}" if detail else "")
    wait = seconds_to_wait(headers.get("retry-after", "") or _in_body(body), headers.get("date", ""))
    if 200 <= status < 300:
        if refusal := _refusal(body, accepted):
            return Answer(Verdict.UNAVAILABLE, f"{text}; {refusal}", retry_after=wait)
        return Answer(Verdict.DELIVERED, f"HTTP {status}", headers.get("x-request-id", "")[:TEXT_LIMIT])
    if status == 429:
        return Answer(Verdict.THROTTLED, text, retry_after=wait)
    if 400 <= status < 500 and status not in OF_THE_POST and status not in OF_THE_WAY and _is_page(body):
        return Answer(Verdict.UNAVAILABLE, f"{text}; {A_PAGE}", retry_after=wait)
    if status in (401, 403):
        return Answer(Verdict.BAD_KEY, f"{text}; {NOT_ALLOWED}")
    if 300 <= status < 400:
        target = _direction(headers.get("location", ""))
        return Answer(Verdict.UNAVAILABLE, f"HTTP {status}, redirects {target}; check its url", retry_after=wait)
    if status in OF_THE_WAY:
        return Answer(Verdict.UNAVAILABLE, f"{text}; {OF_THE_WAY[status]}", retry_after=wait)
    return Answer(Verdict.REFUSED if 400 <= status < 500 else Verdict.UNAVAILABLE, text, retry_after=wait)


def _refusal(body: bytes, accepted: Regex | None) -> str:
    """Say why an answer of status 2xx is no delivery; nothing where it is one.

    Without `accepted`, only what cannot mean anything else is a refusal: `code` alone has as many meanings as services.
    """
    if accepted:
        try:
            return "" if accepted.search(body.decode(errors="replace")) else NOT_ACCEPTED
        except CheckError as error:
            return str(error)
    return A_PORTAL if _is_portal(body) else NOT_TAKEN if says_no(body) else ""


def says_no(body: bytes) -> bool:
    """Tell whether an answer of status 2xx says that nothing was taken, in one of the ways that mean nothing else."""
    if body.startswith(b"OK (") or _is_portal(body):  # healthchecks.io: OK (not found), OK (rate limited)
        return True
    content = {name.lower(): value for name, value in _object(body).items()}
    says = (str(content.get(name)).lower() for name in ("ok", "success"))
    return any(one in NO for one in says) or str(content.get("errcode") or 0) != "0"


def _is_portal(body: bytes) -> bool:
    return _is_page(body) and bool(_LEADS_AWAY.search(body))


def _direction(location: str) -> str:
    """Return where a redirect leads, without what may be a key."""
    try:
        target = urlsplit(location)
    except ValueError:
        return "elsewhere"
    return f"to {target.scheme or 'http'}://{target.hostname}/..." if target.hostname else "to another path"


def _is_page(body: bytes) -> bool:
    start = body.removeprefix(BOM_UTF8).lstrip()
    return start.startswith(b"<") and not _IS_XML.match(start)


def _in_body(body: bytes) -> str:
    """Return the seconds that some services (Discord) say in JSON instead of the header."""
    return str(_object(body).get("retry_after", ""))


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
