"""What the reader has before him: a terminal of a size, with colours, or a file; the pager for more than a page."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from agent.cli.show.pager import pager

COLOURS = {"critical": "31", "flapping": "31", "warning": "33", "nodata": "35", "ok": "32"}


class Screen(msgspec.Struct, frozen=True):
    """Where a page is shown; without a size it is a file or a pipe: nothing is cut, folded or painted."""

    width: int = 0
    height: int = 0
    colour: bool = False

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.colour and colour in COLOURS else text


def screen(environ: Mapping[str, str] = os.environ) -> Screen:
    """Return what stdout is."""
    if not sys.stdout.isatty():
        return Screen()
    size = shutil.get_terminal_size()
    return Screen(size.columns, size.lines, "NO_COLOR" not in environ and environ.get("TERM") != "dumb")


def show(page: Sequence[str], on: Screen, environ: Mapping[str, str] = os.environ) -> None:
    """Print a page; what is longer than the terminal goes through the pager, where there is one."""
    if on.height and len(page) >= on.height:
        command, its_environment = pager(environ, os.geteuid() == 0)
        if shutil.which(command[0]):
            text = "\n".join(page) + "\n"
            with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
                subprocess.run(
                    command, env=its_environment, input=text, text=True, errors="backslashreplace", check=False
                )
            return
    print("\n".join(page))


def width_of(text: str) -> int:
    """Return how many columns a text takes: an East Asian letter takes two, a mark on a letter none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def wrap_lines(lines: Iterable[str], width: int) -> Iterator[str]:
    """Break long lines between words, as deep as they begin; without a width nothing is broken."""
    for line in lines:
        if not width or width_of(line) <= width:
            yield line
            continue
        indent = line[: len(line) - len(line.lstrip(" "))]
        yield from textwrap.wrap(
            line, width, subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False
        )


def truncate(text: str, width: int) -> str:
    """Cut a text to so many columns; `…` shows that it was longer."""
    if width_of(text) <= width:
        return text
    beginning, column = "", 0
    for character in text:
        column += _columns(character)
        if column > width - 1:
            break
        beginning += character
    return beginning.rstrip() + "…" if width > 0 else ""


def pad(text: str, width: int) -> str:
    """Return a text in exactly so many columns."""
    text = truncate(text, width)
    return text + " " * (width - width_of(text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
