"""The run's way to the outside, as every check that asks a server has it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import msgspec

from agent.api import Context
from checks._network.progress import Progress

GetAddrInfo = Callable[..., list[tuple[Any, ...]]]
FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class Network(msgspec.Struct, frozen=True):
    """The run's way to the outside."""

    ctx: Context
    progress: Progress
    getaddrinfo: GetAddrInfo = socket.getaddrinfo
    source: str = ""
    """The address of this host to come from; empty: the kernel chooses."""
