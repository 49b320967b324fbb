"""Where notifications go when no destination was ever configured: onto the terminal, as they happen."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from agent.delivery.answer import Answer, Verdict
from agent.delivery.digest import Digest
from agent.delivery.wording import message, title
from agent.model import EventStatus, Notification
from agent.plugin.units import clock_text

COLOURS = {
    EventStatus.CRITICAL: "1;31",
    EventStatus.FLAPPING: "1;31",
    EventStatus.WARNING: "1;33",
    EventStatus.OK: "1;32",
    EventStatus.INFO: "1;36",
    EventStatus.NODATA: "1;35",
}


class Terminal:
    """Prints each notification; the store keeps it, so it counts as delivered whatever becomes of the terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream

    def render(self, change: Notification) -> bytes:
        text = format_text(change.at, change.status, title(change), message(change), self._has_colour())
        return text.encode("utf-8", "replace")

    def bundle(self, many: Digest) -> bytes:
        text = format_text(many.at, many.status, many.title, many.message, self._has_colour())
        return text.encode("utf-8", "replace")

    def post(self, body: bytes) -> Answer:
        # Nobody reads any more, or the stream is closed: it is in the history all the same.
        with contextlib.suppress(OSError, ValueError):
            self._print(body.decode())
        return Answer(Verdict.DELIVERED, "printed")

    def _has_colour(self) -> bool:
        return self._stream.isatty() and "NO_COLOR" not in os.environ

    def _print(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


def format_text(at: int, status: EventStatus, title: str, message: str, coloured: bool = False) -> str:
    """Return it as a terminal shows it: its time (`at`, Unix milliseconds) and title, the message below, indented."""
    head = f"\x1b[{COLOURS[status]}m{title}\x1b[0m" if coloured else title
    below = "".join(f"  {line}\n" for line in message.split("\n") if line)
    return f"{clock_text(at, '%H:%M:%S')} {head}\n{below}"
