"""Text from the world -> text that is safe on a phone, in a log and in JSON."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

# CSI and OSC sequences first, then any other escape: colours and titles that programs write for terminals.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[@-_])")
_HALF_CHARACTERS = re.compile(r"[\ud800-\udfff]")
_HIDDEN = frozenset(("Cc", "Cf", "Cs"))
"""Categories of what a terminal obeys or does not show: controls, marks that turn lines around, halves of letters."""
_FILLERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
"""Letters and marks that show nothing. Of those that choose between two pictures (U+FE0F) people's texts are full."""
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]+")


def one_line(text: str, limit: int) -> str:
    """Return the text as one line of at most `limit` characters."""
    return cut(_SPACES.sub(" ", _visible(text, limit)).strip(), limit)


def lines(text: str, limit: int) -> list[str]:
    """Return the text as its lines, without empty ones at the ends, at most `limit` characters in all."""
    unix_text = _LINE_ENDS.sub("\n", _visible(text, limit))
    visible = cut(_CONTROLS.sub(" ", unix_text).strip("\n "), limit)
    return [line.rstrip() for line in visible.split("\n")] if visible else []


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


def name_some(names: Sequence[str], most: int) -> str:
    """Name the first few, and say how many there are besides: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def cut_bytes(text: str, limit: int) -> str:
    """Return as many whole characters as fit into `limit` bytes of UTF-8."""
    return text.encode()[:limit].decode(errors="ignore")


def plain_name(text: str, limit: int) -> str:
    """Return the name of a thing as one line of at most `limit` characters.

    What does not show is written as an escape, and a cut is marked by a checksum, so that two names stay two.
    """
    if not _is_plain(text):
        text = "".join(map(_escape, text))
    if len(text) <= limit:
        return text
    return f"{text[: limit - 10]}…~{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def printable(text: str) -> str:
    """Return a text of several lines for a terminal: line ends and tabs stay, all else that it would obey goes."""
    return text if _is_plain(text) else "".join(c for c in text if c in "\n\t" or _shows(c))


def escape_json(text: str) -> str:
    """Return JSON that means the same, in which a terminal obeys and hides nothing."""
    return text if _is_plain(text) else "".join(c if c in "\n\t" or _shows(c) else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _is_plain(text: str) -> bool:
    return text.isprintable() and (text.isascii() or not _FILLERS.search(text))


def _escape(character: str) -> str:
    if character == " " or (_shows(character) and not character.isspace()):
        return character
    return character.encode("unicode_escape").decode()


def _shows(character: str) -> bool:
    return unicodedata.category(character) not in _HIDDEN and not _FILLERS.match(character)


def _visible(text: str, limit: int) -> str:
    # Four times the limit leaves room for what is taken out, and bounds the work on a huge text.
    text = text[: 4 * limit]
    if _is_plain(text):
        return text
    without_escapes = _HALF_CHARACTERS.sub("\ufffd", _ESCAPES.sub("", text))
    return "".join(c for c in without_escapes if _shows(c) or c.isspace() or c < "\xa0")
