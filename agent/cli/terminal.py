"""What is printed, on its way to a terminal: nothing of others' texts that it would obey or not show."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any

from agent.plugin.text import printed

_OWN_COLOURS = re.compile(r"(\x1b\[(?:0|3[1-7])m)")


class Clean:
    """A text stream whose texts are cleaned; our own colours stay. Everything else is the stream itself."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        parts = _OWN_COLOURS.split(text)
        return int(
            self._stream.write("".join(part if _OWN_COLOURS.fullmatch(part) else printed(part) for part in parts))
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def clean_output() -> Iterator[None]:
    """Clean what is printed inside, also into a pipe, for at its end may be a terminal."""
    out: Any = Clean(sys.stdout)
    error: Any = Clean(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        yield
