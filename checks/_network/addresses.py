"""How YAML writes where to go."""

from __future__ import annotations

import ipaddress
import re
from typing import Self
from urllib.parse import SplitResult, urlsplit

from agent.api import SettingValue

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*", re.IGNORECASE)

IN_BRACKETS = "an IPv6 address, and nothing else, stands in brackets, as in [::1]:8443"


class BetterWritten(ValueError):
    """A host that is written in another way; the text says how."""


class ComparableSetting(SettingValue):
    """Equal where all of it is equal, so that a reload sees what changed; shown as `str` shows it."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash((type(self), str(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class Address(ComparableSetting):
    """A host, or host and port: `10.0.0.7`, `web-2:8443`, `[::1]:8443`. Port 0: none was written."""

    pattern = r"^\S+$"
    example = "10.0.0.7:8443"
    words = "an address"

    def __init__(self, host: str, port: int = 0) -> None:
        self.host, self.port = host, port

    @classmethod
    def parse(cls, value: object) -> Self:
        """ValueError, with what to write, where it is no address."""
        if isinstance(value, (list, tuple)):
            raise ValueError("one check asks one address: write a check for each")
        text = value.strip() if isinstance(value, str) else ""
        if is_ip(text):
            return cls(host_name(text))
        try:
            parts = urlsplit(f"//{text}")
            if text and parts.netloc == text and "@" not in text:
                return cls(*host_and_port(parts))
        except BetterWritten:
            raise
        except ValueError:
            pass
        raise ValueError(f"{value!r} is not an address, write {_suggest(text) or f'for example {cls.example}'}")

    def __str__(self) -> str:
        return url_host(self.host) + (f":{self.port}" if self.port else "")


def _suggest(text: str) -> str:
    """Say how an address is written of which somebody wrote a URL, or a port that is none; '' where there is none."""
    text = re.sub(r"[#@](?=[0-9]{1,5}$)", ":", text)  # as dnsmasq and unbound write a port
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host = url_host(host_name(parts.hostname or ""))
    except ValueError:
        return ""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        return f"a port from 1 to 65535 behind the colon, as in {host}:8443"
    return f"{host}:{port}" if port else host


def host_and_port(parts: SplitResult) -> tuple[str, int]:
    """Return host and port that a text names, port 0 where it names none; ValueError for what no server can have."""
    in_brackets, _, behind = parts.netloc.rpartition("]")
    if not in_brackets and behind.count(":") == 2 and behind.rpartition(":")[2].isdecimal() and "::" not in behind:
        raise ValueError("it has two ports, leave one of them out")
    if behind.count(":") > 1:
        raise ValueError(IN_BRACKETS)
    if in_brackets and (":" not in (parts.hostname or "") or behind[:1] not in ("", ":")):
        raise ValueError(IN_BRACKETS)
    host = host_name(parts.hostname or "")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("not a URL or address: its port is no number from 1 to 65535")
    return host, port or 0


def host_name(text: str) -> str:
    """Return a host as DNS and TLS want it: ASCII, lower case; ValueError where it is none."""
    name = text if text.isascii() or len(text) > 253 else _international(text)
    if not is_host(name):
        raise ValueError(f"{text!r} is not a host name" if text else "the host is missing")
    _judge_numbers(name)
    address, percent, zone = name.lower().partition("%")
    if not percent:
        if ":" in address and ipaddress.ip_address(address).is_link_local:
            # Each network of this host may have it: the kernel refuses it without the interface.
            raise BetterWritten(f"{address} is an address of one interface only, write which one, as in {address}%eth0")
        return address
    # A URL writes the zone of an address behind %25 (RFC 6874). Names of interfaces have upper and lower case.
    zone = name[len(address) + 1 :]
    if not zone.isdecimal() and not _is_of_one_network(address):
        raise BetterWritten(f"{address} needs no interface, write {address}")
    return f"{address}%{zone.removeprefix('25') or zone}"


def _judge_numbers(host: str) -> None:
    """Raise BetterWritten for numbers that are no address: programs read 010 as 8, and look 256 up as a name."""
    numbers = host.split(".")
    if len(numbers) < 4 or not all(part.isdecimal() for part in numbers) or is_ip(host):
        return
    plain = ".".join(str(int(part[:9])) for part in numbers)
    how = f"write {plain}, without zeros before it" if is_ip(plain) else "it has four numbers from 0 to 255"
    raise BetterWritten(f"{host} is no IPv4 address: {how}")


def _is_of_one_network(address: str) -> bool:
    """Tell whether the kernel wants an interface with it, and takes its name."""
    return ipaddress.ip_address(address).is_link_local or re.match(r"ff[0-9a-f]2:", address) is not None


def _international(text: str) -> str:
    """Return a name as browsers write it for DNS (UTS 46, not transitional); ValueError where IDNA 2008 has none."""
    import idna  # 5 ms and 2 MB that most never need; Python's own codec is IDNA 2003: it asks fass.de for faß.de

    labels: list[str] = []
    try:
        labels = idna.uts46_remap(text, std3_rules=False, transitional=False).split(".")
        return ".".join(label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels)
    except idna.InvalidCodepoint:  # ☕: browsers take it all the same
        plain = ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)
        if not is_host(plain):
            raise ValueError(f"{text!r} is not a host name") from None
        raise BetterWritten(f"{text!r} is not a host name, write {plain}") from None
    except (idna.IDNAError, UnicodeError, IndexError):
        raise ValueError(f"{text!r} is not a host name") from None


def without_zone(host: str) -> str:
    """Return an address without the zone that only this host knows (`fe80::1%eth0`)."""
    return host.partition("%")[0]


def is_this_host(name: str) -> bool:
    """Tell whether a name means this host by itself, whatever addresses it has (RFC 6761)."""
    plain = name.lower().removesuffix(".")
    return plain in ("localhost", "localhost.localdomain") or plain.endswith(".localhost")


def is_host(name: str) -> bool:
    """Tell whether a text is an address, or may be a host's name."""
    labels = name.removesuffix(".").split(".")
    return is_ip(name) or (
        len(name) <= 253 and _NAME.fullmatch(name) is not None and all(0 < len(label) < 64 for label in labels)
    )


def is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def ipv4_within(host: str) -> str:
    """Return the IPv4 address that `::ffff:192.0.2.1` means; '' where it is none of these."""
    address = ipaddress.ip_address(host) if ":" in host else None
    return str(address.ipv4_mapped or "") if isinstance(address, ipaddress.IPv6Address) else ""


def url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
