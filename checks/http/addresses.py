"""How YAML writes where to ask: URLs and proxies."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import SplitResult, quote, unquote, urlsplit

from checks._network.addresses import IN_BRACKETS, Address, ComparableSetting, host_and_port, url_host, without_zone

PORTS = {"http": 80, "https": 443}
# What a path may hold as it is; everything else is percent-encoded, so that no URL can break out of the request line.
_KEEP = "%/:=&?~+!$,;'@()*[]"
# Of names and paths beyond ASCII, what cannot be seen may matter: joiners in Indic names.
_UNWRITTEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class HttpUrl(ComparableSetting):
    """An http or https URL without user and password. Its text leaves the query out: that often holds a secret."""

    pattern = r"^https?://[^\s/@?#]+([/?#].*)?$"
    example = "https://shop.example.com/health"
    words = "an http:// or https:// URL"

    def __init__(self, scheme: str, host: str, port: int, target: str) -> None:
        self.scheme, self.host, self.port, self.target = scheme, host, port, target

    @classmethod
    def parse(cls, value: object) -> Self:
        """ValueError, with what to write, where it is none."""
        if isinstance(value, list) or (isinstance(value, str) and re.search(r"\s(?:https?:)?//", value.strip())):
            raise ValueError("one check asks one URL: write a check for each")
        if not isinstance(value, str) or _UNWRITTEN.search(value):
            raise ValueError(f"not a URL, write for example {cls.example}")
        try:
            parts = _with_plain_host(urlsplit(value.strip()))
        except ValueError:  # some Pythons refuse brackets here, others let them pass
            reason = IN_BRACKETS if "[" in value else f"not a URL, write for example {cls.example}"
            raise ValueError(reason) from None
        if parts.scheme not in PORTS:
            raise ValueError(_of_another_scheme(value.strip(), parts))
        if "@" in parts.netloc:
            raise ValueError("user and password do not belong into the URL, use the settings user and password")
        if not parts.netloc:
            raise ValueError(f"the host is missing, write {_with_slashes(value) or f'for example {cls.example}'}")
        host, port = host_and_port(parts)
        path = quote(parts.path or "/", _KEEP) + (f"?{quote(parts.query, _KEEP)}" if parts.query else "")
        return cls(parts.scheme, host, port or PORTS[parts.scheme], path)

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Return the Host header: the port only where it is not the scheme's own, and no zone (RFC 6874)."""
        return url_host(without_zone(self.host)) + self._port

    @property
    def whole(self) -> str:
        """Return the URL with its query: never for people."""
        return f"{self.scheme}://{url_host(self.host)}{self._port}{self.target}"

    @property
    def _port(self) -> str:
        return "" if self.port == PORTS[self.scheme] else f":{self.port}"

    def __str__(self) -> str:
        return self.whole.partition("?")[0]

    def same_server(self, other: HttpUrl) -> bool:
        """Tell whether settings for this URL hold for the other: of the same origin, or with TLS added (80 and 443)."""
        upgraded = (self.scheme, self.port, other.scheme, other.port) == ("http", 80, "https", 443)
        return self.origin == other.origin or (upgraded and self.host == other.host)


def _of_another_scheme(text: str, parts: SplitResult) -> str:
    """Say how a URL is written that does not begin with http:// or https://; without its query, which may be secret."""
    if parts.scheme == "unix" and parts.path.startswith("/"):
        return f"unix cannot be asked, write http://localhost/ and beside it unix_socket: {parts.path}"
    if not text.strip():
        return "is empty, write for example https://shop.example.com/health"
    if variable := re.match(r"\$(\w+)", text):
        return f"a variable is written ${{env:{variable[1]}}}"
    if inside := re.search(r"[<(\[\"']\s*(https?://[^\s<>()\[\]\"'?]+)", text):
        return f"only the URL is written: {inside[1]}"
    if whole := _with_slashes(text):
        return f"a URL without scheme cannot be asked, write {whole}"
    if not parts.scheme or re.match(r"[0-9]", parts.path):  # localhost:8080/x is one of the scheme localhost
        bare = re.sub(r"^(?:https?)?:?/+", "", text).partition("?")[0]
        return f"a URL without scheme cannot be asked, begin it with http:// or https://, as in http://{bare}"
    return f"{parts.scheme} cannot be asked, begin it with http:// or https://"


def _with_slashes(text: str) -> str:
    """Return what `https:/host` and `https//host` mean, without a query; '' for anything else."""
    match = re.fullmatch(r"(https?)(?::[/\\]?|[/\\]{2})([^/\\?\s][^?\s]*)(?:\?.*)?", text.strip())
    return f"{match[1]}://{match[2]}" if match else ""


def _with_plain_host(parts: SplitResult) -> SplitResult:
    """Undo percent-encoding in a host, as browsers do: some servers encode international names so."""
    host, colon, port = parts.netloc.partition(":")
    if "%" not in host or "[" in host:
        return parts
    plain = unquote(host, errors="strict")
    if re.search(r"[\s/?#@:%\\\[\]]", plain):
        raise ValueError
    return parts._replace(netloc=f"{plain}{colon}{port}")


class ProxyUrl(ComparableSetting):
    """An HTTP proxy: `http://proxy:3128` or without scheme, with user and password where it wants them.

    Its text leaves both out.
    """

    pattern = r"^(http://\S+|[^\s/]+:[0-9]+/?)$"
    example = "http://proxy.example.com:3128"
    words = "the URL of an HTTP proxy"

    def __init__(self, address: Address, user: str = "", password: str = "") -> None:
        self.address, self.user, self.password = address, user, password

    @classmethod
    def parse(cls, value: object) -> Self:
        text = value.strip().rstrip("/") if isinstance(value, str) else ""
        # Without scheme it has a port: `none` and `env` are no hosts.
        scheme, _, rest = text.partition("://") if "://" in text else ("http", "", text if ":" in text else "")
        if not rest or scheme != "http":
            raise ValueError(f"only http:// proxies are spoken to, write for example {cls.example}")
        credentials, _, host = rest.rpartition("@")
        address = Address.parse(host)
        if not address.port and "://" not in text:
            raise ValueError(f"{address} has no port, write for example {address}:3128")
        user, _, password = credentials.partition(":")
        return cls(Address(address.host, address.port or 80), unquote(user), unquote(password))

    def __str__(self) -> str:
        return f"http://{self.address}"
