"""Where in a text secrets stand, of which there may be thousands: each line of a key in each of its forms. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agent.system.broken_lines import Spans

HEAD = 12
"""So many first characters are searched for, and the rest is compared then: a pattern of whole keys costs seconds."""
NOWHERE = r"(?!)"


def finder(forms: Iterable[str]) -> Spans:
    """Return a function that finds where one of these stands, of several at a place the longest."""
    by_head: dict[str, list[str]] = {}
    for form in longest_first(forms):
        by_head.setdefault(form[:HEAD], []).append(form)
    head = re.compile(any_of(by_head) if by_head else NOWHERE)
    lengths = sorted({len(beginning) for beginning in by_head}, reverse=True)

    def spans(text: str) -> Iterator[tuple[int, int]]:
        match = head.search(text)
        while match:
            start = match.start()
            alike = (form for length in lengths for form in by_head.get(text[start : start + length], ()))
            length = len(next((form for form in alike if text.startswith(form, start)), ""))
            if length:
                yield start, start + length
            match = head.search(text, start + (length or 1))

    return spans


def base64_finder(cores: set[str]) -> Spans:
    """Return a function that finds the whole words of base64 in which one of these stands."""
    find_core = finder(cores)
    others, rest = re.compile(r"[^A-Za-z0-9+/_-]"), re.compile(r"[A-Za-z0-9+/_-]*=*")

    def spans(text: str) -> Iterator[tuple[int, int]]:
        position = 0
        for core, end in find_core(text):
            if core >= position:
                before = [other.end() for other in others.finditer(text, position, core)]
                start, position = (before[-1] if before else position), rest.match(text, end).end()  # type: ignore[union-attr]  # it may be empty
                yield start, position

    return spans


def longest_first(forms: Iterable[str]) -> list[str]:
    """Return them so that one that contains another one is hidden whole."""
    return sorted(forms, key=lambda form: (-len(form), form))


def any_of(forms: Iterable[str], depth: int = 3) -> str:
    """Return a pattern for the longest of these, sorted by first characters: many cost little more than few."""
    if not depth:
        return "|".join(map(re.escape, longest_first(forms)))
    by_first: dict[str, set[str]] = {}
    for form in longest_first(forms):
        by_first.setdefault(form[:1], set()).add(form[1:])
    return "|".join(
        re.escape(first) + (f"(?:{any_of(rest, depth - 1)})" if any(rest) else "")
        for first, rest in sorted(by_first.items(), reverse=True)  # what ends here comes last
    )
