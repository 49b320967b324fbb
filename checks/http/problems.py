"""Pure: settings of an http check that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from checks._network.addresses import host_name
from checks._network.connection import socket_path_problem, way_problems
from checks._network.tls import contradictions
from checks.http.request import tls_settings

if TYPE_CHECKING:
    from checks.http.check import Http

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def problems(check: Http) -> Iterator[tuple[str, str]]:
    """Yield (setting, what is wrong and what to write instead)."""
    yield from _of_the_request(check)
    yield from _of_the_body(check)
    yield from _of_the_answer(check)
    yield from _of_the_way(check)
    yield from _of_tls(check)


def _of_the_request(check: Http) -> Iterator[tuple[str, str]]:
    for name, value in check.headers.items():
        if not _TOKEN.fullmatch(name) or not value.isprintable():
            yield "headers", f"{name!r} is no header that can be sent: no spaces in names, one line as value"
        if name.lower() in ("content-length", "transfer-encoding", "connection"):
            yield "headers", f"{name} is set by the agent, leave it out"
    yield from (("headers", text) for text in _conflicts(check))
    yield from _of_the_credentials(check)
    if not re.fullmatch("[A-Z]+", check.method):
        suggestion = check.method.upper() if re.fullmatch("[A-Za-z]+", check.method) else "GET"
        yield "method", f"{check.method!r} is not written as methods are, write {suggestion}"
    if check.method == "CONNECT":
        yield "method", "CONNECT asks for a tunnel, not for a page, write GET"


def _of_the_credentials(check: Http) -> Iterator[tuple[str, str]]:
    if check.user and check.bearer_token:
        yield "bearer_token", "cannot be sent together with user, leave one of them out"
    if ":" in check.user:
        yield "user", "cannot have a colon, behind which the password begins"
    if check.password and not check.user:
        yield "password", "has no user, set user as well"
    if check.auth == "digest" and not check.user:
        yield "auth", "digest has nobody to tell of, set user and password as well"
    if not check.bearer_token.isprintable():
        yield "bearer_token", "must be one line"
    if re.match(r"(Authorization:|Bearer)\s", check.bearer_token, re.IGNORECASE):
        yield "bearer_token", "is the token alone: the word before it is added"


def _conflicts(check: Http) -> Iterator[str]:
    """Yield what of the headers would be lost, or go to somebody else than it is for."""
    names = [name.lower() for name in check.headers]
    if twice := next((name for name in check.headers if names.count(name.lower()) > 1), ""):
        yield f"{twice} is written twice, which differs by its letters' case alone: remove one"
    if "authorization" in names and (other := "user" if check.user else "bearer_token" * bool(check.bearer_token)):
        yield f"Authorization cannot be sent together with {other}, leave one of them out"
    if "proxy-authorization" in names and check.proxy and check.url.scheme == "https":
        yield "Proxy-Authorization would go to the site: write user and password into the URL of proxy"


def _of_the_body(check: Http) -> Iterator[tuple[str, str]]:
    if check.contains == "":
        yield "contains", "is empty, which is in every body: write a text, or leave it out"
    if check.body and check.body_file:
        yield "body_file", "cannot be sent together with body, leave one of them out"
    if check.body_file and not check.body_file.startswith("/"):
        yield "body_file", f"{check.body_file!r} is not a whole path, write for example /etc/hostvigil/request.json"
    if check.method == "HEAD" and check.sees_body:
        yield "method", "HEAD brings no body to judge, write GET"
    if not check.body_limit and check.sees_body:
        yield "body_limit", "0B reads no body to judge, write for example 1MiB"


def _of_the_answer(check: Http) -> Iterator[tuple[str, str]]:
    if check.warning_status and not check.warning_status.without(check.expect_status):
        good = check.expect_status.without(check.warning_status) or "for example 200"
        yield "warning_status", f"{check.warning_status} is good by expect_status already, write there {good}"
    for name in check.response_headers:
        if not _TOKEN.fullmatch(name):
            yield "response_headers", f"{name!r} is no name of a header, write for example Cache-Control"


def _of_the_way(check: Http) -> Iterator[tuple[str, str]]:
    if check.proxy and check.connect_to:
        yield "connect_to", "does not reach beyond a proxy, leave connect_to or proxy out"
    if check.unix_socket:
        if wrong := socket_path_problem(check.unix_socket):
            yield "unix_socket", wrong
        for name in ("proxy", "connect_to", "source"):
            if getattr(check, name):
                yield "unix_socket", f"leads elsewhere than {name}, leave one of them out"
    stop = check.proxy.address if check.proxy else check.connect_to or check.url
    yield from way_problems("" if check.unix_socket else stop.host, check.ip_version, check.source)


def _of_tls(check: Http) -> Iterator[tuple[str, str]]:
    if check.server_name:
        try:
            host_name(check.server_name)
        except ValueError:
            yield "server_name", f"{check.server_name!r} is not a host name, write for example shop.example.com"
    yield from contradictions(tls_settings(check, own=True))
    if check.old_tls and str(check.min_tls_version) == "1.3":
        yield "old_tls", "is for versions below 1.3, leave old_tls or min_tls_version out"
