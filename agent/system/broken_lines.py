"""Secrets that were broken over lines: by `base64`, by `fold`, by a terminal's width, by mail."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

Spans = Callable[[str], Iterator[tuple[int, int]]]
"""Where in a text there is something to hide, in order."""

_BREAK = re.compile(r"(?:(?<![ \t\r])[ \t\r]+)?(?:\n|\\r\\n|\\n)[ \t\r]*")
"""A line end with the blanks around it; also as JSON and Python write it. Blanks are looked through once, not from each
of them on: there may be a hundred thousand."""


def hide(text: str, spans: Iterable[tuple[int, int]], mark: str) -> str:
    """Put the mark in the place of each of these; what overlaps the one before is hidden with it."""
    parts, position = [], 0
    for start, end in spans:
        if start >= position:
            parts.append(text[position:start] + mark)
        position = max(position, end)
    return "".join(parts) + text[position:] if parts else text


def across_lines(finders: Iterable[Spans], mark: str) -> Callable[[str], str]:
    """Return a function that hides what the finders find in the text as if it were one line."""
    finders = tuple(finders)

    def hide_across(text: str) -> str:
        breaks = [one.span() for one in _BREAK.finditer(text)]
        if not breaks:
            return text
        line, places = _join_lines(text, breaks)
        matches = sorted(span for find in finders for span in find(line) if _crosses(span, places))
        return hide(text, [_in_text(span, breaks, places) for span in matches], mark)

    return hide_across


def _join_lines(text: str, breaks: list[tuple[int, int]]) -> tuple[str, list[int]]:
    """Return the text without its breaks, and where in it each of them was."""
    parts, places, position, length = [], [], 0, 0
    for start, end in breaks:
        parts.append(text[position:start])
        length += start - position
        places.append(length)
        position = end
    return "".join(parts) + text[position:], places


def _crosses(span: tuple[int, int], places: list[int]) -> bool:
    after = bisect_right(places, span[0])
    return after < len(places) and places[after] < span[1]


def _in_text(span: tuple[int, int], breaks: list[tuple[int, int]], places: list[int]) -> tuple[int, int]:
    return _place(span[0], breaks, places), _place(span[1] - 1, breaks, places) + 1


def _place(at: int, breaks: list[tuple[int, int]], places: list[int]) -> int:
    """Return where in the text a letter of the joined one stands."""
    number = bisect_right(places, at)
    return at if not number else breaks[number - 1][1] + at - places[number - 1]
