"""Pure: the cookies of one run, for its redirects: they go back to the host that set them, and to no other.

RFC 6265 with less: `Domain` widens nothing here, so a cookie is never sent to a sister host.
"""

from __future__ import annotations

import datetime
import re

import msgspec

from checks.http.addresses import HttpUrl
from checks.http.head import Headers

LIMIT = 100
HEADER_LIMIT = 8190
"""Bytes of the header that we send; many servers take no more of one line."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Cookie(msgspec.Struct, frozen=True):
    """A cookie, and where it may go."""

    name: str
    value: str
    host: str
    path: str
    secure: bool
    domain: str = ""
    """For which hosts it was meant, where those are more than its own."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.name, self.host, self.path


Jar = tuple[Cookie, ...]


def collect(jar: Jar, url: HttpUrl, headers: Headers, now: float) -> Jar:
    """Return the cookies after an answer from this URL; `now` is Unix seconds."""
    cookies = {cookie.key: cookie for cookie in jar}
    for line in headers.all("set-cookie"):
        cookie, attributes = _read(line, url)
        if cookie is None:
            continue
        cookies.pop(cookie.key, None)
        if not _is_deletion(attributes, now):
            cookies[cookie.key] = cookie
    return tuple(cookies.values())[-LIMIT:]


def matching(jar: Jar, url: HttpUrl) -> list[tuple[str, str]]:
    """Return names and values of the cookies for a request to this URL, those of longer paths first.

    A name may stand there twice, for two paths: the server takes the first.
    """
    path = url.target.partition("?")[0]
    fitting = [
        cookie
        for cookie in jar
        if cookie.host == url.host and _within(path, cookie.path) and (_is_secure(url) or not cookie.secure)
    ]
    return [(cookie.name, cookie.value) for cookie in sorted(fitting, key=lambda one: -len(one.path))]


def header(own: str, cookies: list[tuple[str, str]]) -> str:
    """Return the value of a Cookie header: those that the settings give, and the run's, which are newer."""
    names = {name for name, _ in cookies}
    pairs = [one for one in own.split(";") if one.strip() and one.partition("=")[0].strip() not in names]
    text = "; ".join(one.strip() for one in pairs)
    for name, value in cookies:
        longer = f"{text}; {name}={value}" if text else f"{name}={value}"
        if len(longer) <= HEADER_LIMIT:
            text = longer
    return text


def describe_withheld(jar: Jar) -> str:
    """Say which cookies did not go where the site wanted them; nothing where there are none."""
    wider = next((cookie for cookie in jar if cookie.domain), None)
    return f": a cookie for all of {wider.domain} goes back to {wider.host} only" if wider else ""


def _read(line: str, url: HttpUrl) -> tuple[Cookie | None, dict[str, str]]:
    pair, *rest = line.split(";")
    name, equals, value = (part.strip(" \t") for part in pair.partition("="))
    # Headers are read as Latin-1; so what goes back is, byte for byte, what came.
    name, value = (part.encode("latin-1").decode("utf-8", "surrogateescape") for part in (name, value))
    attributes = {}
    for one in rest:
        key, _, setting = (part.strip(" \t") for part in one.partition("="))
        attributes[key.lower()] = setting
    secure = "secure" in attributes
    domain = attributes.get("domain", "").lower().removeprefix(".")
    foreign = domain and url.host != domain and not url.host.endswith(f".{domain}")
    if not (equals and name) or foreign or (secure and not _is_secure(url)) or _CONTROL.search(pair):
        return None, attributes
    path = attributes.get("path", "")
    if _breaks_its_name(name, secure, domain, path):
        return None, attributes
    where = path if path[:1] == "/" else _folder(url)
    return Cookie(name, value, url.host, where, secure, domain if domain != url.host else ""), attributes


def _breaks_its_name(name: str, secure: bool, domain: str, path: str) -> bool:
    """Tell whether a cookie lacks what its name promises: browsers take none that does (RFC 6265bis, 4.1.3)."""
    start = name.lower()
    if start.startswith("__host-"):
        return not secure or bool(domain) or path != "/"
    return start.startswith("__secure-") and not secure


def _folder(url: HttpUrl) -> str:
    return url.target.partition("?")[0].rpartition("/")[0] or "/"


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")


def _is_secure(url: HttpUrl) -> bool:
    """Tell whether nobody can listen on the way; browsers and curl trust this host itself as well."""
    return url.scheme == "https" or url.host in ("localhost", "127.0.0.1", "::1")


def _is_deletion(attributes: dict[str, str], now: float) -> bool:
    """Tell whether a cookie is set to be deleted."""
    if re.fullmatch(r"-?[0-9]+", age := attributes.get("max-age", "")):
        return age.startswith("-") or not age.strip("0")
    expires = _moment(attributes.get("expires", ""))
    return expires is not None and expires <= now


def _moment(text: str) -> float | None:
    """Read a date as RFC 6265, 5.1.1 does, in any order; None where it is none."""
    time = re.search(r"\b(\d{1,2}):(\d{1,2}):(\d{1,2})\b", text)
    day = re.search(r"(?<![\d:])(\d{1,2})(?![\d:])", text)
    month = re.search("|".join(_MONTHS), text.lower())
    year = re.search(r"(?<!\d)(\d{4})(?!\d)", text) or re.search(r"[a-z][ -](\d\d)(?![\d:])", text.lower())
    if not (time and day and month and year):
        return None
    full = int(year[1]) + (0 if len(year[1]) == 4 else 1900 if int(year[1]) >= 70 else 2000)
    hour, minute, second = (int(part) for part in time.groups())
    of_month = _MONTHS.index(month[0]) + 1
    try:
        moment = datetime.datetime(full, of_month, int(day[1]), hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        return None
    return moment.timestamp()
