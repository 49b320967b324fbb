"""What this host is called and made of."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.plugin.errors import CheckError
from agent.plugin.host_path import host_path

if TYPE_CHECKING:
    from agent.config.settings import Config

NAMELESS = frozenset(("", "localhost", "localhost.localdomain", "localhost6", "(none)"))
ARCHITECTURES = {"amd64": "x86_64", "aarch64": "arm64", "armv8l": "arm64"}

MACHINE_ID = "/etc/machine-id"
OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")

# Documentation addresses (RFC 5737, RFC 3849): they are routed like any other, and nothing is ever sent.
ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


LOOK_SECONDS = 60.0
"""So old may an answer be: an address changes while the agent runs."""
LOOK_AGAIN_SECONDS = 1.0
"""The same without an address: the network comes up after us."""


class HostTags:
    """The tags of this host as they are now. Any thread may call it; `apply` is for the main thread."""

    def __init__(
        self,
        hostname: str = "",
        monotonic: Callable[[], float] = time.monotonic,
        cloud: Callable[[], dict[str, str]] = dict,
    ) -> None:
        """`cloud` returns what the cloud told of this host so far."""
        self._hostname = hostname
        self._cloud = cloud
        self._monotonic = monotonic
        self._cache: tuple[float, str, dict[str, str]] = (0.0, "", {})
        """Until when (monotonic seconds) it holds, for which configured name, and what."""

    def __call__(self) -> dict[str, str]:
        now, hostname = self._monotonic(), self._hostname
        until, name, tags = self._cache
        if not tags or now >= until or name != hostname:
            tags = host_tags(hostname)
            until = now + (LOOK_SECONDS if "host_ip" in tags else LOOK_AGAIN_SECONDS)
            self._cache = (until, hostname, tags)
        return {**tags, **self._cloud()}

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        self._hostname = new.agent.hostname


def host_tags(hostname: str = "") -> dict[str, str]:
    """Return `host`, `host_id`, `host_ip`, `os`, `os_version` and `arch`; what cannot be found out is left out.

    `hostname` is the configured name; empty: this host's own.
    """
    machine = os.uname().machine.lower()
    tags = {
        "host": hostname or own_name(socket.gethostname()),
        "host_id": own_id(),
        "host_ip": own_address(),
        "os": sys.platform,
        "os_version": os_version(),
        "arch": ARCHITECTURES.get(machine, machine),
    }
    return {name: value for name, value in tags.items() if value}


def own_name(kernel_name: str, machine_id: Path | None = None) -> str:
    """Return the kernel's host name as it is, neither shortened nor looked up.

    That is what other agents report as `host`, and a look-up would change the name with the state of the DNS.
    A host without a name of its own gets one from its machine id, the same on every boot.
    """
    name = kernel_name.strip().rstrip(".")
    if name.lower() not in NAMELESS:
        return name
    machine = own_id(machine_id)
    return f"host-{machine[:8]}" if machine else name or "localhost"


def own_id(machine_id: Path | None = None) -> str:
    """Return what tells this host from another of the same name, the same on every boot; '' where it has no id.

    machine-id(5): the id itself is confidential, so only a hash of it leaves the host.
    """
    try:
        identity = (machine_id or host_path(MACHINE_ID)).read_text().strip()
    except (OSError, CheckError, UnicodeDecodeError):
        identity = ""
    if identity in ("", "uninitialized"):  # the second until the first boot of an image is over
        return ""
    from hashlib import blake2s

    # The first half has been in the names of nameless hosts since before there was the second.
    first, second = (blake2s(identity.encode(), key=key, digest_size=4).hexdigest() for key in (b"hostvigil", b"id"))
    return first + second


def own_address() -> str:
    """Return the address that packets to elsewhere leave from; empty without a route."""
    for family, elsewhere in ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((elsewhere, 9))
                address = str(sock.getsockname()[0])
        except OSError:
            continue
        if not address.startswith(("127.", "0.", "::")):
            return address.partition("%")[0]
    return ""


def os_version() -> str:
    """Return for example `debian 12` or `macos 14.5`."""
    if sys.platform == "darwin":
        import platform

        return f"macos {platform.mac_ver()[0]}".strip()
    for file in OS_RELEASE:
        try:
            return release_name(host_path(file).read_text(errors="replace"))
        except (OSError, CheckError):
            continue
    return ""


def release_name(text: str) -> str:
    """Read os-release(5): its ID and VERSION_ID."""
    fields = dict(line.partition("=")[::2] for line in text.splitlines())
    values = (fields.get(name, "").strip().strip("\"'") for name in ("ID", "VERSION_ID"))
    return " ".join(value for value in values if value)
