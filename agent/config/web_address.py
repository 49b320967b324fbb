"""What a web address of the agent's settings must be, whoever it is of."""

from __future__ import annotations

import ipaddress
import re
from importlib.util import find_spec
from urllib.parse import urlsplit

_NO_HOSTS = ("none", "_none_", "direct", "false", "true", "off", "on", "no", "yes", "null", "system", "auto", "env")
"""What others write for no proxy, or for one that is said elsewhere: a host of that name would be asked."""
_IN_NO_HOST = re.compile(r"[\\*;,'\"<>^`|!&()=+~]|^\.|\.\.")
"""Letters that no host has, and a label without any: a slip, for which nobody would be asked, for ever."""
_NUMBERS = re.compile(r"\d+(\.\d+){3,}")
ZONE = "has the interface of an address, by which nothing is sent: write a name, or an address without %"


def host_of(text: str, schemes: tuple[str, ...]) -> str | None:
    """Return the host of a URL of one of these schemes, or None where it is none."""
    try:
        url = urlsplit(text)
        port = url.port  # raises where it is no number
    except ValueError:
        return None
    good = url.scheme in schemes and text.isprintable() and " " not in text
    if port == 0 or not good or not _may_be(url.hostname or ""):
        return None
    return url.hostname


def _may_be(host: str) -> bool:
    if _IN_NO_HOST.search(host):
        return False
    return not _NUMBERS.fullmatch(host) or _is_ip(host)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)  # not 010.0.0.1, which programs read as 8.0.0.1
    except ValueError:
        return False
    return True


def timeout_fault(seconds: float) -> str:
    """Say what is wrong with the longest wait for one request; '' if nothing is."""
    return "" if 1 <= seconds <= 600 else "must be between 1s and 10m"


def proxy_url(text: str) -> str:
    """Return the address of a proxy with its scheme, which many leave out: `proxy:3128`, `user:password@proxy`."""
    return text if not text or "://" in text else f"http://{text}"


def proxy_fault(text: str) -> str:
    """Say what is wrong with the address of a proxy; '' if nothing is."""
    host = host_of(text, ("http", "https", "socks5", "socks5h"))
    if host in _NO_HOSTS:
        return "names no proxy: leave the line out for none"
    if not host:
        return "is not an address, write for example http://proxy.example.com:3128"
    if text.startswith("socks") and not find_spec("socks"):
        return "needs the package PySocks: install it, or write an HTTP proxy"
    return ""
