"""How YAML writes where to go: URLs, addresses, proxies."""

from __future__ import annotations

import ipaddress
import re
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from agent.api import SettingValue

PORTS = {"http": 80, "https": 443}
# What a path may hold as it is; everything else is percent-encoded, so that no URL can break out of the request line.
_KEEP = "%/:=&?~+!$,;'@()*[]"
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*", re.IGNORECASE)


class Written(SettingValue):
    """Equal where all of it is equal, so that a reload sees what changed; shown as `str` shows it."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash((type(self), str(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class HttpUrl(Written):
    """An http or https URL without user and password. Its text leaves the query out: that often holds a secret."""

    pattern = r"^https?://[^\s/@?#]+([/?#].*)?$"
    example = "https://shop.example.com/health"
    words = "an http:// or https:// URL"

    def __init__(self, scheme: str, host: str, port: int, target: str) -> None:
        self.scheme, self.host, self.port, self.target = scheme, host, port, target

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or not value.isprintable():
            raise ValueError(f"not a URL, write for example {cls.example}")
        try:
            parts = urlsplit(value.strip())
            port = parts.port
        except ValueError:
            raise ValueError(f"not a URL, write for example {cls.example}") from None
        if parts.scheme not in PORTS:
            raise ValueError(
                f"{parts.scheme or 'a URL without scheme'} cannot be asked, begin it with http:// or https://"
            )
        if "@" in parts.netloc:
            raise ValueError("user and password do not belong into the URL, use the settings user and password")
        path = quote(parts.path or "/", _KEEP) + (f"?{quote(parts.query, _KEEP)}" if parts.query else "")
        return cls(parts.scheme, host_name(parts.hostname or ""), port or PORTS[parts.scheme], path)

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Return the Host header: the port only where it is not the scheme's own."""
        return _bracketed(self.host) + ("" if self.port == PORTS[self.scheme] else f":{self.port}")

    @property
    def whole(self) -> str:
        """Return the URL with its query: for the wire, never for people."""
        return f"{self.scheme}://{self.authority}{self.target}"

    def __str__(self) -> str:
        return self.whole.partition("?")[0]


class Address(Written):
    """A host, or host and port: `10.0.0.7`, `web-2:8443`, `[::1]:8443`. Port 0: none was written."""

    pattern = r"^\S+$"
    example = "10.0.0.7:8443"
    words = "an address"

    def __init__(self, host: str, port: int = 0) -> None:
        self.host, self.port = host, port

    @classmethod
    def parse(cls, value: object) -> Self:
        text = value.strip() if isinstance(value, str) else ""
        if _is_ip(text):
            return cls(text)
        try:
            parts = urlsplit(f"//{text}")
            if text and parts.netloc == text and "@" not in text:
                return cls(host_name(parts.hostname or ""), parts.port or 0)
        except ValueError:
            pass
        raise ValueError(f"{value!r} is not an address, write for example {cls.example}")

    def __str__(self) -> str:
        return _bracketed(self.host) + (f":{self.port}" if self.port else "")


class ProxyUrl(Written):
    """An HTTP proxy: `http://proxy:3128`, with user and password where it wants them. Its text leaves both out."""

    pattern = r"^http://\S+$"
    example = "http://proxy.example.com:3128"
    words = "the URL of an HTTP proxy"

    def __init__(self, address: Address, user: str = "", password: str = "") -> None:
        self.address, self.user, self.password = address, user, password

    @classmethod
    def parse(cls, value: object) -> Self:
        scheme, found, rest = value.strip().rstrip("/").partition("://") if isinstance(value, str) else ("", "", "")
        if not found or scheme != "http":
            raise ValueError(f"only http:// proxies are spoken to, write for example {cls.example}")
        credentials, _, host = rest.rpartition("@")
        address = Address.parse(host)
        user, _, password = credentials.partition(":")
        return cls(Address(address.host, address.port or 80), unquote(user), unquote(password))

    def __str__(self) -> str:
        return f"http://{self.address}"


def host_name(text: str) -> str:
    """Return a host as DNS and TLS want it: ASCII, lower case; ValueError where it is none."""
    name = text if text.isascii() or len(text) > 253 else text.encode("idna").decode("ascii")
    if not is_host(name):
        raise ValueError(f"{text!r} is not a host name" if text else "the host is missing")
    return name.lower()


def is_host(name: str) -> bool:
    labels = name.removesuffix(".").split(".")
    return _is_ip(name) or (
        len(name) <= 253 and _NAME.fullmatch(name) is not None and all(0 < len(label) < 64 for label in labels)
    )


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
