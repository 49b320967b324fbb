"""Which characters a set or a letter of a pattern means: asked of `re`, and written so that `regex` reads the same."""

from __future__ import annotations

import re
import re._constants as ops  # type: ignore[import-not-found]
from collections.abc import Iterable
from functools import cache
from typing import Any

LETTERS = re.IGNORECASE | re.ASCII | re.UNICODE
"""The flags that change which characters are meant."""
ASCII_TEXT = 1 << 20
"""A flag of our own: only texts of ASCII are searched, so sets have no more than that, and `\\b` is alike in both."""
LAST = 0x10FFFF
LAST_ASCII = 0x7F
SPANS = 16
"""Of a set that `regex` goes through one by one; a longer one is nested."""
CATEGORIES = {
    ops.CATEGORY_DIGIT: (r"\d", ""),
    ops.CATEGORY_NOT_DIGIT: (r"\d", "^"),
    ops.CATEGORY_SPACE: (r"\s", ""),
    ops.CATEGORY_NOT_SPACE: (r"\s", "^"),
    ops.CATEGORY_WORD: (r"\w", ""),
    ops.CATEGORY_NOT_WORD: (r"\w", "^"),
}
NEAREST = {r"\d": r"\p{Nd}", r"\s": r"\p{White_Space}", r"\w": r"\p{L}\p{N}"}
"""What `regex` knows that is nearly the same beyond ASCII; it has newer tables, and other ideas of some characters."""
Span = tuple[int, int]


class Untranslatable(ValueError):
    """The pattern has something that cannot be searched for under a deadline; the text says what."""


def letter(code: int, flags: int) -> str:
    """Write one character, in any case where the flags say so."""
    if flags & re.IGNORECASE:
        # Of all characters, only those that have another case can be this one.
        letters = _ascii() if flags & ASCII_TEXT else _letters_with_case()
        same = re.compile(_code(code), flags & LETTERS).findall(letters + chr(code))
        return f"[{''.join(sorted({_code(ord(one)) for one in same}))}]"
    character = chr(code)
    return character if character.isascii() and character.isalnum() else _code(code)


def character_set(items: Iterable[Any], flags: int) -> str:
    """Write what `re` has parsed from `[...]`."""
    inside = list(items)
    negated = bool(inside) and inside[0][0] is ops.NEGATE
    categories = "".join(_category(argument, flags) for op, argument in inside if op is ops.CATEGORY)
    spans = _join_spans(_item(*item) for item in inside[negated:] if item[0] is not ops.CATEGORY)
    others = _nest(spans)
    if others and flags & re.IGNORECASE:
        others = _in_any_case("".join(_span(*span) for span in spans), flags & (LETTERS | ASCII_TEXT))
    if not others + categories:
        others = _code(LAST)  # which no text of ASCII has
    return f"[{'^' if negated else ''}{others}{categories}]"


def _item(op: Any, argument: Any) -> Span:
    if op is ops.LITERAL:
        return argument, argument
    if op is ops.RANGE:
        first, last = argument
        return first, last
    raise Untranslatable(f"{str(op).lower()} cannot be searched for under a deadline")


def _join_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that touch as one."""
    result: list[Span] = []
    for first, last in sorted(spans):
        if result and first <= result[-1][1] + 1:
            result[-1] = result[-1][0], max(last, result[-1][1])
        else:
            result.append((first, last))
    return result


def _category(category: Any, flags: int) -> str:
    if category not in CATEGORIES:
        raise Untranslatable(f"{str(category).lower()} cannot be searched for under a deadline")
    name, negated = CATEGORIES[category]
    return f"[{negated}{_members(name, flags & (re.ASCII | ASCII_TEXT))}]"


@cache
def _members(category: str, flags: int) -> str:
    """Return what `re` takes for a digit, space or word character: ASCII first, then as `regex` has it, corrected."""
    every = _ascii() if flags & ASCII_TEXT else _every_character()
    spans = _spans(re.compile(f"{category}+", flags & re.ASCII), every)
    in_ascii = "".join(_span(start, min(end, LAST_ASCII)) for start, end in spans if start <= LAST_ASCII)
    if flags:
        return in_ascii
    import regex

    has, has_not = _difference(_spans(regex.compile(f"[{NEAREST[category]}]+"), every), spans)
    beyond = f"[{NEAREST[category]}]" + (f"--[{_nest(has)}]" if has else "")
    return f"{in_ascii}[{_span(LAST_ASCII + 1, LAST)}&&[{beyond}]]{_nest(has_not)}"


def _difference(spans: list[Span], others: list[Span]) -> tuple[list[Span], list[Span]]:
    """Return what only the first, and what only the second have, beyond ASCII."""
    one, other = _bits(spans), _bits(others)
    return _spans_of_bits(one & ~other), _spans_of_bits(other & ~one)


def _bits(spans: list[Span]) -> int:
    marks = bytearray(LAST + 1)
    for first, last in spans:
        marks[first : last + 1] = b"\1" * (last + 1 - first)
    return int.from_bytes(marks, "big")


def _spans_of_bits(bits: int) -> list[Span]:
    marks = bits.to_bytes(LAST + 1, "big")
    return [(start, end - 1) for start, end in (one.span() for one in re.finditer(b"\1+", marks)) if start > LAST_ASCII]


def _spans(pattern: Any, every: str) -> list[Span]:
    """Return the first and last characters of what the pattern finds among all of Unicode."""
    return [(match.start(), match.end() - 1) for match in pattern.finditer(every)]


@cache
def _in_any_case(members: str, flags: int) -> str:
    every = _ascii() if flags & ASCII_TEXT else _every_character()
    return _nest(_spans(re.compile(f"[{members}]+", flags & LETTERS), every))


def _nest(spans: list[Span]) -> str:
    """Write many spans as nested sets, since `regex` goes through a set one by one."""
    if len(spans) <= SPANS:
        return "".join(_span(*span) for span in spans)
    middle = len(spans) // 2
    return "".join(f"[{_span(half[0][0], half[-1][1])}&&[{_nest(half)}]]" for half in (spans[:middle], spans[middle:]))


def _span(first: int, last: int) -> str:
    return _code(first) if first == last else f"{_code(first)}-{_code(last)}"


def _code(code: int) -> str:
    """Write a character so that `re` and `regex` read it alike, inside a set and outside."""
    return f"\\U{code:08x}"


def _ascii() -> str:
    return "".join(map(chr, range(LAST_ASCII + 1)))


def _every_character() -> str:
    # Written byte by byte of the number, which is ten times as fast as letter by letter.
    planes, low, high = (
        range(LAST // 0x10000 + 1),
        bytes(range(256)) * 256,
        b"".join(bytes([n]) * 256 for n in range(256)),
    )
    letters = bytearray(4 * (LAST + 1))
    letters[0::4], letters[1::4] = low * len(planes), high * len(planes)
    letters[2::4] = b"".join(bytes([plane]) * 0x10000 for plane in planes)
    return letters.decode("utf-32-le", "surrogatepass")


@cache
def _letters_with_case() -> str:
    letters = _every_character()
    # Piece by piece: most have no letter with another case in them, and this is six times as fast.
    pieces = (letters[start : start + 1024] for start in range(0, len(letters), 1024))
    return "".join(letter for piece in pieces if _has_case(piece) for letter in piece if _has_case(letter))


def _has_case(text: str) -> bool:
    return text.lower() != text or text.upper() != text
