"""What systemd wants to know of us: at work, stopping, still alive. Nothing is said where it did not start us."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"

BEATS = 3
"""Signs of life within `WatchdogSec=`: one may come late, and one may be lost."""

SHORTEST_SECONDS = 0.1
"""Between two of them, whatever is asked for."""


class Notify:
    """Call it with a state of sd_notify(3)."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        # Taken out, as no script may speak for us.
        self._address = environ.pop("NOTIFY_SOCKET", "")
        is_for_us = environ.pop("WATCHDOG_PID", "") in ("", str(os.getpid()))
        microseconds = environ.pop("WATCHDOG_USEC", "")
        is_wanted = is_for_us and microseconds.isdecimal() and int(microseconds) > 0
        self.beat_seconds = max(SHORTEST_SECONDS, int(microseconds) / 1e6 / BEATS) if is_wanted else 0.0
        """Between signs of life; 0: nobody waits for them."""

    def __call__(self, state: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(1)
            sock.sendto(state.encode(), address)
