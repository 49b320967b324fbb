"""Pure: what is asked, and by which way it goes there."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING

import msgspec

from checks._network import tls
from checks._network.addresses import Address
from checks._network.network import FAMILIES
from checks.http import cookies
from checks.http.addresses import HttpUrl, ProxyUrl

if TYPE_CHECKING:
    from checks.http.check import Http


class Request(msgspec.Struct, frozen=True):
    """One request of a run; what it knows of the ones before it is in its cookies and in what was left behind."""

    url: HttpUrl
    method: str
    body: bytes = b""
    jar: cookies.Jar = ()
    lost_settings: str = ""
    """Which settings did not go along to this server."""
    turned: bool = False
    """A redirect made a GET of what was none."""
    lost_tls: bool = False
    """A redirect led from https to http."""
    authorization: str = ""
    """The header for the user and password that the redirect to here names, or for a server's challenge."""


class Route(msgspec.Struct, frozen=True):
    """Where a request goes and by which way."""

    host: str
    port: int
    tls: tls.TlsSettings | None = None
    server_name: str = ""
    family: int = socket.AF_UNSPEC
    proxy: ProxyUrl | None = None
    proxy_headers: str = ""
    unix_socket: str = ""

    @property
    def first_stop(self) -> Address:
        return self.proxy.address if self.proxy else Address(self.host, self.port)


def request_bytes(check: Http, request: Request) -> bytes:
    """Write the request; settings for the URL's own server go to no other, where a redirect may lead."""
    url = request.url
    headers = {"host": ("Host", url.authority), "user-agent": ("User-Agent", "hostvigil"), "accept": ("Accept", "*/*")}
    headers["accept-encoding"] = ("Accept-Encoding", "identity")
    if check.url.same_server(url):
        headers |= _own_headers(check)
    if request.authorization:
        headers["authorization"] = ("Authorization", request.authorization)
    if request.jar and (pairs := cookies.matching(request.jar, url)):
        headers["cookie"] = ("Cookie", cookies.header(headers.get("cookie", ("", ""))[1], pairs))
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = ("Content-Length", str(len(request.body)))
    headers["connection"] = ("Connection", "close")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.values())
    plain_proxy = check.proxy is not None and url.scheme == "http"
    target = f"{url.scheme}://{url.authority}{url.target}" if plain_proxy else url.target
    lines += proxy_headers(check.proxy) if plain_proxy else ""
    head = f"{request.method} {target} HTTP/1.1\r\n{lines}\r\n"
    return head.encode("utf-8", "surrogateescape") + request.body


def _own_headers(check: Http) -> dict[str, tuple[str, str]]:
    own = {name.lower(): (name, value) for name, value in check.headers.items()}
    if check.user and check.auth == "basic":
        own["authorization"] = ("Authorization", basic(check.user, check.password))
    elif check.bearer_token:
        own["authorization"] = ("Authorization", f"Bearer {check.bearer_token}")
    return own


def proxy_headers(proxy: ProxyUrl | None) -> str:
    if proxy is None or not (proxy.user or proxy.password):
        return ""
    return f"Proxy-Authorization: {basic(proxy.user, proxy.password)}\r\n"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def route_of(check: Http, url: HttpUrl) -> Route:
    """Find the way: what was configured for the URL's own server is for no other."""
    own = check.url.same_server(url)
    to = check.connect_to if own else None
    # A port of connect_to is the one of the URL's own scheme; TLS at the same address has its usual one.
    port = to.port if to and url.scheme == check.url.scheme else 0
    return Route(
        host=to.host if to else url.host,
        port=port or url.port,
        tls=tls_settings(check, own) if url.scheme == "https" else None,
        server_name=(check.server_name if own else "") or url.host,
        family=FAMILIES[check.ip_version],
        proxy=check.proxy,
        proxy_headers=proxy_headers(check.proxy),
        unix_socket=check.unix_socket if own else "",
    )


def tls_settings(check: Http, own: bool) -> tls.TlsSettings:
    """Return how to speak TLS with the URL's own server, or with another one."""
    return tls.TlsSettings(
        verify=check.verify,
        ca_file=check.ca_file,
        client_cert=check.client_cert if own else "",
        client_key=check.client_key if own else "",
        minimum=check.min_tls_version.version,
        protocols=("http/1.1",),
        crl_file=check.crl_file if own else "",
        old=check.old_tls,
    )
