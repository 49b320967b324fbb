"""What every command says the same way."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from agent.plugin.text import printable


def fail(message: object) -> int:
    """Say why a command could not do its work; exit code 2, or 3 where 2 would mean critical."""
    say(f"hostvigil: {_in_words(message)}\n")
    return 2


def say(text: str) -> None:
    """Write to people; what fails remains failed, with its exit code, also where nobody reads why."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        print_no_more(sys.stderr)


def print_no_more(stream: Any) -> None:
    """Have Python not complain once more, at exit, that the output cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _in_words(message: object) -> object:
    if not isinstance(message, OSError) or not message.strerror:
        return message
    who = ": run it as root or as the agent's user" if isinstance(message, PermissionError) and os.geteuid() else ""
    return f"{message.filename}: {message.strerror}{who}" if message.filename else f"{message.strerror}{who}"


def pluralize(number: int, word: str, many: str = "") -> str:
    """Say `1 check`, `2 checks`; `many` where the plural is another word."""
    return f"{number} {word}" if number == 1 else f"{number} {many or word + 's'}"


_OWN_COLOURS = re.compile(r"(\x1b\[(?:0|(?:1;)?3[1-7])m)")


def keep_our_colours(text: str) -> str:
    parts = _OWN_COLOURS.split(text)
    return "".join(part if _OWN_COLOURS.fullmatch(part) else printable(part) for part in parts)


class Clean:
    """A text stream whose texts are cleaned. All else is the stream."""

    def __init__(self, stream: Any, clean: Callable[[str], str] = keep_our_colours) -> None:
        self._stream, self._clean = stream, clean

    def write(self, text: str) -> int:
        return int(self._stream.write(self._clean(text)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def clean_output(clean: Callable[[str], str]) -> Iterator[None]:
    """Clean what is printed inside, also into a pipe, for at its end may be a terminal."""
    out: Any = Clean(sys.stdout, clean)
    error: Any = Clean(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        yield
