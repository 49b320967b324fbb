"""The settings of `type: http`, and one run of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

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
)
from checks._network.addresses import Address
from checks._network.network import GetAddrInfo, Network
from checks._network.progress import NoAnswer, Progress
from checks._network.settings import CaFile, ClientCert, ClientKey, IpVersion, OldTls, SourceAddress, TooSlow
from checks.http.addresses import HttpUrl, ProxyUrl
from checks.http.exchange import exchange
from checks.http.expectations import HeaderCondition, JsonCondition, StatusSet, TlsVersion
from checks.http.problems import problems
from checks.http.verdict import verdict, where

QUICK_BODY = 64 * 1024
"""Bytes of a body that are unpacked, read and searched in no time."""


class Http(Check, frozen=True, kw_only=True):
    """Asks for a URL: is it there, fast enough, with the right content, and with a certificate that lasts?

    One request to the first address of the name (of `localhost`, to the first that answers) on a new connection;
    `timeout` bounds name lookup, connection, TLS, headers and body together. Nothing is taken from the environment
    (proxies, CA files): what is not set here does not apply. No answer, another status or a condition that does not
    hold is critical; a body in a form that cannot be read here is nodata. Names are looked up as all programs do it; a
    final dot (`http://www.example.com./`) keeps search domains of resolv.conf away.

    Redirects are followed wherever they lead, also to addresses of this host and its network; cookies go back to the
    host that set them and end with the run. To another server, headers, user, body, client certificate, `server_name`,
    `connect_to` and `unix_socket` do not go along. The same name by https:// (port 443) instead of http:// (port 80) is
    no other server. A redirect by 301, 302 or 303 makes a GET without body of a POST, as browsers do.

    ```yaml
    checks:
      shop: {type: http, url: "https://shop.example.com/health", contains: healthy, warning: 1s, critical: 5s}
      api:
        type: http
        url: https://api.example.com/status
        warning_status: 429
        json: {db.state: up, queue.length: "<100", nodes.all.ready: true, nodes.length: ">=3"}
        response_headers: {Cache-Control: no-store, Server: {not_matches: "[0-9]"}, X-Cache: {optional: HIT}}
      docker: {type: http, url: "http://localhost/_ping", unix_socket: /run/docker.sock}
    ```
    """

    fail_after: ClassVar[int] = 2

    url: Annotated[HttpUrl, Meta(description="What to ask, http:// or https://. Results show it without its query.")]
    method: Annotated[str, Meta(description="Request method, in capitals.")] = "GET"
    headers: Annotated[
        dict[str, str], Meta(description="Request headers; Host, User-Agent and Accept too.", extra={"secret": True})
    ] = field(default_factory=dict)
    body: Annotated[
        str, Meta(description="Request body. Say what it is by a Content-Type header.", extra={"secret": True})
    ] = ""
    body_file: Annotated[str, Meta(description="File with the request body, read anew for each run.")] = ""
    user: Annotated[str, Meta(description="User to tell the server, see `auth`.")] = ""
    password: Annotated[str, Meta(description="Password of `user`; best as ${file:...}.", extra={"secret": True})] = ""
    auth: Annotated[
        Literal["basic", "digest"],
        Meta(description="How `user` and `password` are told; digest, as old devices want it, asks twice."),
    ] = "basic"
    bearer_token: Annotated[
        str, Meta(description="Token for `Authorization: Bearer`; best as ${file:...}.", extra={"secret": True})
    ] = ""

    expect_status: Annotated[
        StatusSet,
        Meta(description="Good statuses: 200, 200-299, or a list of both. An expected redirect is not followed."),
    ] = StatusSet(((200, 299),))
    warning_status: Annotated[
        StatusSet | None, Meta(description="Statuses that are a warning, written alike; all others are critical.")
    ] = None
    warning: Annotated[DurationAbove | None, Meta(description="Slow from this time on, the whole request.")] = None
    critical: TooSlow = None
    contains: Annotated[str | None, Meta(description="Text that the body must contain.")] = None
    matches: Annotated[Regex | None, Meta(description="Regular expression that must be found in the body.")] = None
    not_matches: Annotated[Regex | None, Meta(description="Regular expression that must not be found.")] = None
    json: Annotated[
        dict[str, JsonCondition],
        Meta(
            description="JSON values by path: `db.state: up`, `list.0.id: != 7`, `size: <9`; `list.length`, "
            "`list.all.id` (each must fit, and one be there), `list.any.id` (one must), `parts.*.state` (each of a "
            "list or an object); `.` is the whole value, `\\.` a dot in a key."
        ),
    ] = field(default_factory=dict)
    response_headers: Annotated[
        dict[str, HeaderCondition],
        Meta(
            description="Headers of the answer: a regular expression that must match, `{optional: regex}` for one that "
            "may be missing, `{not_matches: regex}` for one that must not match."
        ),
    ] = field(default_factory=dict)
    redirects: Annotated[int, Meta(description="How many redirects to follow; 0: none.", ge=0, le=20)] = 5
    body_limit: Annotated[
        Size, Meta(description="Read and judge no more of the body; 0B: only the headers, where a body never ends.")
    ] = Size(1024 * 1024)

    ip_version: IpVersion = None
    connect_to: Annotated[
        Address | None,
        Meta(
            description="Connect to this address[:port], with Host and TLS name of the URL; where that leads to its "
            "https://, to port 443 there."
        ),
    ] = None
    unix_socket: Annotated[str, Meta(description="Connect to this unix socket instead, with Host of the URL.")] = ""
    source: SourceAddress = ""
    proxy: Annotated[
        ProxyUrl | None, Meta(description="HTTP proxy, http://[user:password@]host:port (CONNECT for https).")
    ] = None

    require_tls: Annotated[bool, Meta(description="Critical where the answer, or a redirect to it, is plain http.")] = (
        False
    )
    verify: Annotated[
        bool, Meta(description="false: accept any certificate; how long it lasts is still judged, see below.")
    ] = True
    ca_file: CaFile = ""
    crl_file: Annotated[str, Meta(description="PEM file of what the server's CA has revoked (CRL).")] = ""
    client_cert: ClientCert = ""
    client_key: ClientKey = ""
    server_name: Annotated[str, Meta(description="TLS name to ask for and to verify, when not the URL's.")] = ""
    min_tls_version: Annotated[TlsVersion, Meta(description="Refuse anything older: 1.2 or 1.3.")] = TlsVersion("1.2")
    old_tls: OldTls = False
    certificate_warning: Annotated[
        DurationBelow | None,
        Meta(description="Warn when a certificate of the chain lasts less; 0s or null: never, not even expired."),
    ] = DurationBelow.parse("14d")
    certificate_critical: Annotated[
        DurationBelow | None,
        Meta(description="Critical when a certificate of the chain lasts less; 0s or null: never, not even expired."),
    ] = DurationBelow.parse("3d")

    @property
    def sees_body(self) -> bool:
        return bool(self.contains or self.matches or self.not_matches or self.json)

    async def run(self, ctx: Context) -> list[Result | Metric]:
        return await run(self, ctx)

    def problems(self) -> Iterable[tuple[str, str]]:
        return problems(self)

    @classmethod
    def discover(cls, host: Host) -> Iterable[Suggestion]:
        from checks.http.discovered import suggestions

        return suggestions(host)


async def run(check: Http, ctx: Context, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> list[Result | Metric]:
    """Ask and judge; `getaddrinfo` looks up names."""
    progress = Progress(ctx.deadline, ctx.timeout, critical=check.critical, warning=check.warning)
    results: list[Result | Metric]
    try:
        answer = await exchange(check, Network(ctx, progress, getaddrinfo, check.source))
    except (OSError, NoAnswer) as error:
        results = [critical(progress.describe_failure(error), details=where(check.url, progress))]
    else:
        now = time.time()
        results = await ctx.compute(
            lambda: list(verdict(check, answer, progress, now)), long=len(answer.body) > QUICK_BODY
        )
    return results + [Metric(phase, took, "s", minimum=0) for phase, took in progress.took.items()]
