"""Where events go when no endpoint is configured: onto the terminal, as they happen."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import datetime
from typing import Any, TextIO

from agent.delivery.sinks.truewatch.answers import Answer, Verdict

COLOURS = {"critical": "1;31", "error": "1;31", "warning": "1;33", "ok": "1;32", "info": "1;36", "nodata": "1;35"}


class Terminal:
    """Prints each event; the store keeps it, so it counts as delivered whatever becomes of the terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream

    def post(self, body: bytes) -> Answer:
        # Nobody reads any more, or the stream is closed: the event is in the history all the same.
        with contextlib.suppress(OSError, ValueError):
            self._print(rendered(json.loads(body), self._coloured()))
        return Answer(Verdict.DELIVERED, "printed")

    def _coloured(self) -> bool:
        return self._stream.isatty() and "NO_COLOR" not in os.environ

    def _print(self, text: str) -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


def rendered(body: dict[str, Any], coloured: bool = False) -> str:
    """Return an event as a terminal shows it: its time and title, the message below, indented."""
    at = datetime.fromtimestamp(body["date"] / 1000).astimezone()
    head = str(body["title"])
    if coloured:
        head = f"\x1b[{COLOURS[body['status']]}m{head}\x1b[0m"
    below = "".join(f"  {line}\n" for line in str(body.get("message", "")).split("\n") if line)
    return f"{at:%H:%M:%S} {head}\n{below}"
