"""Letters that look like those of YAML and are others: from web pages, chats and other keyboards."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_QUOTES = dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"') | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
_SPACES = dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u3000", " ")
_UNSEEN = dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", "")
PLAIN = _FULL_WIDTH | _QUOTES | _DASHES | _SPACES | _UNSEEN
"""For each of them, what is meant."""
_ANY = re.compile(f"[{re.escape(''.join(PLAIN))}]")
_WITHOUT_MEANING = re.compile(r"""\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|(?:^|\s)#.*""")
"""In straight quotes and comments all letters are what they are."""


class Hint(NamedTuple):
    """What to say of a letter that looks like another."""

    text: str
    """What to write instead."""
    hidden: bool
    """It looks like a space, or like nothing: nobody finds it, however far above its consequence."""


def hints(text: str) -> dict[int, Hint]:
    """Return by line, counted from 1, what to write instead of the first such letter in it."""
    if text.isascii():
        return {}
    lines = enumerate(re.split(r"\r\n?|\n", text), 1)
    return {number: hint for number, line in lines if not line.isascii() and (hint := _hint(line))}


def explanation(hints_by_line: dict[int, Hint], line: int, not_parsed: bool) -> str:
    """Say which letter may be why there is a problem in this line; `unread`: YAML tripped there, perhaps over more."""
    if line in hints_by_line:
        return hints_by_line[line].text
    near = [at for at in hints_by_line if at == line - 1 and (not_parsed or hints_by_line[at].hidden)]
    near += [at for at in hints_by_line if at < line - 1 and not_parsed and hints_by_line[at].hidden]
    return f"in line {max(near)}, {hints_by_line[max(near)].text}" if near else ""


def _hint(line: str) -> Hint | None:
    mask = _WITHOUT_MEANING.sub(lambda match: "x" * len(match[0]), line)
    match = _ANY.search(mask)
    if not match:
        return None
    plain, letter = PLAIN[match[0]], unicodedata.name(match[0], "").lower() or "unseen"
    place = f"the letter in column {match.start() + 1} is U+{ord(match[0]):04X}, {letter}"
    if plain in ("", " "):
        return Hint(f"{place}: {'write a plain space' if plain else 'remove it'}", hidden=True)
    return Hint(f"{place}: write a plain {plain}", hidden=False)
