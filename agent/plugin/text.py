"""Text from the world -> text that is safe on a phone, in a log and in JSON."""

from __future__ import annotations

import re

# CSI and OSC sequences first, then any other escape: colours and titles that programs write for terminals.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-_])")
_HALF_CHARACTERS = re.compile(r"[\ud800-\udfff]")
# Bidirectional controls can make a line read as what it does not say.
_INVISIBLE = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]+")


def one_line(text: str, limit: int) -> str:
    """Return the text as one line of at most `limit` characters."""
    return cut(_SPACES.sub(" ", _visible(text, limit)).strip(), limit)


def lines(text: str, limit: int) -> list[str]:
    """Return the text as its lines, without empty ones at the ends, at most `limit` characters in all."""
    unified = _LINE_ENDS.sub("\n", _visible(text, limit))
    kept = cut(_CONTROLS.sub(" ", unified).strip("\n "), limit)
    return [line.rstrip() for line in kept.split("\n")] if kept else []


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


def cut_bytes(text: str, limit: int) -> str:
    """Return as many whole characters as fit into `limit` bytes of UTF-8."""
    return text.encode()[:limit].decode(errors="ignore")


def _visible(text: str, limit: int) -> str:
    # Four times the limit leaves room for what is taken out, and bounds the work on a huge text.
    without_escapes = _ESCAPES.sub("", text[: 4 * limit])
    return _INVISIBLE.sub("", _HALF_CHARACTERS.sub("\ufffd", without_escapes))
