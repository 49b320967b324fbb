"""The settings of `type: http`, and how a run asks and judges."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field
from msgspec.structs import replace

from agent.api import (
    Check,
    Context,
    DurationAbove,
    DurationBelow,
    Host,
    Metric,
    Regex,
    Result,
    Size,
    Suggestion,
    critical,
    duration_text,
    judge,
)
from checks._network import tls
from checks._network.addresses import Address, is_host
from checks._network.connection import GetAddrInfo, Network
from checks._network.progress import NoAnswer, Progress
from checks.http.addresses import HttpUrl, ProxyUrl
from checks.http.conditions import broken
from checks.http.exchange import Answer, asked, understood
from checks.http.expectations import JsonCondition, StatusSet, TlsVersion


class Http(Check, frozen=True, kw_only=True):
    """Ask a URL: is it there, fast enough, with the right content, and with a certificate that lasts?

    One request to one address on a new connection; `timeout` bounds name lookup, connection, TLS, headers and body
    together. Nothing is taken from the environment (proxies, CA files): what is not set here does not apply.
    No answer, another status or a condition that does not hold is critical. After a redirect to another server,
    headers, user, body, client certificate, `server_name` and `connect_to` stay behind.
    """

    fail_after: ClassVar[int] = 2

    url: Annotated[HttpUrl, Meta(description="What to ask, http:// or https://. Results show it without its query.")]
    method: Annotated[str, Meta(description="Request method.", pattern="^[A-Z]+$")] = "GET"
    headers: Annotated[dict[str, str], Meta(description="Request headers; Host, User-Agent and Accept too.")] = field(
        default_factory=dict
    )
    body: Annotated[str, Meta(description="Request body. Say what it is by a Content-Type header.")] = ""
    user: Annotated[str, Meta(description="User for basic authentication.")] = ""
    password: Annotated[str, Meta(description="Password of `user`; best as ${file:...}.")] = ""
    bearer_token: Annotated[str, Meta(description="Token for `Authorization: Bearer`; best as ${file:...}.")] = ""

    expect_status: Annotated[
        StatusSet,
        Meta(description="Good statuses: 200, 200-299, or a list of both. An expected redirect is not followed."),
    ] = StatusSet(((200, 299),))
    warning: Annotated[DurationAbove | None, Meta(description="Slow from this time on, the whole request.")] = None
    critical: Annotated[DurationAbove | None, Meta(description="Too slow from this time on.")] = None
    contains: Annotated[str, Meta(description="Text that the body must contain.")] = ""
    matches: Annotated[Regex | None, Meta(description="Regular expression that must be found in the body.")] = None
    not_matches: Annotated[Regex | None, Meta(description="Regular expression that must not be found.")] = None
    json: Annotated[
        dict[str, JsonCondition],
        Meta(
            description="JSON values by path: `db.state: up`, `list.0.id: != 7`, `length: <9`; `\\.` is a dot in a key."
        ),
    ] = field(default_factory=dict)
    response_headers: Annotated[
        dict[str, Regex], Meta(description="Headers that the answer must have, each with a regular expression.")
    ] = field(default_factory=dict)
    redirects: Annotated[int, Meta(description="How many redirects to follow; 0: none.", ge=0, le=20)] = 5
    body_limit: Annotated[Size, Meta(description="Read and judge no more of the body than this.")] = Size(1024 * 1024)

    ip_version: Annotated[Literal[4, 6] | None, Meta(description="Use only IPv4 or IPv6; else what is first.")] = None
    connect_to: Annotated[
        Address | None, Meta(description="Connect to this address[:port], with Host and TLS name of the URL.")
    ] = None
    proxy: Annotated[
        ProxyUrl | None, Meta(description="HTTP proxy, http://[user:password@]host:port (CONNECT for https).")
    ] = None

    verify: Annotated[bool, Meta(description="false: accept any certificate.")] = True
    ca_file: Annotated[str, Meta(description="PEM file of the CAs to trust instead of the host's.")] = ""
    client_cert: Annotated[str, Meta(description="PEM file of our certificate, for servers that want one.")] = ""
    client_key: Annotated[str, Meta(description="PEM file of its key, without password; else in client_cert.")] = ""
    server_name: Annotated[str, Meta(description="TLS name to ask for and to verify, when not the URL's.")] = ""
    min_tls_version: Annotated[TlsVersion, Meta(description="Refuse anything older: 1.2 or 1.3.")] = TlsVersion("1.2")
    certificate_warning: Annotated[
        DurationBelow | None, Meta(description="Warn when a certificate of the chain lasts less; 0s: never.")
    ] = DurationBelow.parse("14d")
    certificate_critical: Annotated[
        DurationBelow | None, Meta(description="Critical when a certificate of the chain lasts less; 0s: never.")
    ] = DurationBelow.parse("3d")

    @property
    def sees_body(self) -> bool:
        return bool(self.contains or self.matches or self.not_matches or self.json)

    def run(self, ctx: Context) -> Iterable[Result | Metric]:
        return looked(self, ctx)

    def problems(self) -> Iterable[tuple[str, str]]:
        for name, value in self.headers.items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not value.isprintable():
                yield "headers", f"{name!r} is no header that can be sent: no spaces in names, one line as value"
            if name.lower() in ("content-length", "transfer-encoding", "connection"):
                yield "headers", f"{name} is set by the agent, leave it out"
        if self.user and self.bearer_token:
            yield "bearer_token", "cannot be sent together with user, leave one of them out"
        if self.password and not self.user:
            yield "password", "has no user, set user as well"
        if not self.bearer_token.isprintable():
            yield "bearer_token", "must be one line"
        if self.server_name and not is_host(self.server_name):
            yield "server_name", f"{self.server_name!r} is not a host name, write for example shop.example.com"
        if self.client_key and not self.client_cert:
            yield "client_key", "has no certificate, set client_cert as well"
        if self.proxy and self.connect_to:
            yield "connect_to", "does not reach beyond a proxy, leave connect_to or proxy out"
        if self.method == "HEAD" and self.sees_body:
            yield "method", "HEAD brings no body to judge, write GET"
        if self.method == "CONNECT":
            yield "method", "CONNECT asks for a tunnel, not for a page, write GET"

    @classmethod
    def discover(cls, host: Host) -> Iterable[Suggestion]:
        from checks.http.discovered import discovered

        return discovered(host)


def looked(check: Http, ctx: Context, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> Iterator[Result | Metric]:
    """Ask and judge; `getaddrinfo` looks up names."""
    progress = Progress(ctx.deadline)
    try:
        answer = asked(check, Network(ctx, progress, getaddrinfo))
    except (OSError, http.client.HTTPException, NoAnswer) as error:
        yield critical(progress.failed(understood(error)), details=_where(check.url, progress))
    else:
        yield from _judged(check, answer, progress)
    yield from (Metric(phase, took, "s", minimum=0) for phase, took in progress.took.items())


def _judged(check: Http, answer: Answer, progress: Progress) -> Iterator[Result | Metric]:
    took = progress.elapsed()
    said = f"{answer.status} in {duration_text(took)}"
    timed = judge("time", took, check.warning, check.critical, unit="s", summary=said, minimum=0)
    details = _details(answer, progress)
    if answer.status in check.expect_status:
        yield replace(timed, details=details)
    else:
        yield critical(f"{said}, expected {check.expect_status}", details=details)
        yield from timed.metrics
    yield from broken(check, answer)
    if answer.certificate:
        yield from tls.judged(answer.certificate, time.time(), check.certificate_warning, check.certificate_critical)
    yield Metric("size", answer.size, "B", minimum=0)


def _details(answer: Answer, progress: Progress) -> str:
    parts = [_where(answer.url, progress), progress.phases(), answer.tls_version]
    if answer.cut:
        parts.append("body cut at body_limit")
    return "; ".join(part for part in parts if part)


def _where(url: HttpUrl, progress: Progress) -> str:
    return f"{url} at {progress.address}" if progress.address else str(url)
