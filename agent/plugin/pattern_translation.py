"""From the parse tree of Python's `re` to a pattern that the package `regex` reads in the same way.

`regex` has more syntax (`{e<1}` for mistakes, `[[:alpha:]]`, `[a--b]`) and other ideas of what a word character, a
space and a letter of another case are. So nothing that a person wrote gets there as it is: `re` says what it means, and
that is written anew with the few things that both read alike. Each set of characters is asked of `re` itself.
"""

from __future__ import annotations

import re
import re._constants as ops  # type: ignore[import-not-found]
import sys
from array import array
from collections.abc import Iterable
from functools import cache
from re._parser import SubPattern  # type: ignore[import-not-found]
from typing import Any

LETTERS = re.IGNORECASE | re.ASCII | re.UNICODE
"""The flags that change which characters are meant."""
TYPES = re.ASCII | re.UNICODE
LAST = 0x10FFFF
LAST_ASCII = 0x7F
SPANS = 16
CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}
REPEATS = {ops.MAX_REPEAT: "", ops.MIN_REPEAT: "?", ops.POSSESSIVE_REPEAT: "+"}


class Untranslatable(ValueError):
    """The pattern has something that cannot be searched for under a deadline; the text says what."""


def translated(tree: SubPattern) -> str:
    """Return the pattern for `regex` (its version 1, no other flags) that finds what this one finds in `re`."""
    return _Translation(tree).row(tree, tree.state.flags)


class _Translation:
    def __init__(self, tree: SubPattern) -> None:
        self._names = {number: name for name, number in tree.state.groupdict.items()}

    def row(self, items: Iterable[Any], flags: int) -> str:
        return "".join(self._part(op, argument, flags) for op, argument in items)

    def _part(self, op: Any, argument: Any, flags: int) -> str:
        if op is ops.LITERAL:
            return _letter(argument, flags)
        if op is ops.NOT_LITERAL:
            return _set([(ops.NEGATE, None), (ops.LITERAL, argument)], flags)
        if op is ops.IN:
            return _set(argument, flags)
        if op is ops.ANY:
            return "(?s:.)" if flags & re.DOTALL else "."
        if op is ops.AT:
            return _place(argument, flags)
        if op in REPEATS:
            least, most, body = argument
            return f"(?:{self.row(body, flags)}){_times(int(least), most)}{REPEATS[op]}"
        return self._group(op, argument, flags)

    def _group(self, op: Any, argument: Any, flags: int) -> str:
        if op is ops.SUBPATTERN:
            number, added, removed, body = argument
            return f"({self._head(number)}{self.row(body, _changed(flags, added, removed))})"
        if op is ops.BRANCH:
            return f"(?:{'|'.join(self.row(branch, flags) for branch in argument[1])})"
        if op is ops.ATOMIC_GROUP:
            return f"(?>{self.row(argument, flags)})"
        if op in (ops.ASSERT, ops.ASSERT_NOT):
            direction, body = argument
            behind = "<" if direction < 0 else ""
            return f"(?{behind}{'=' if op is ops.ASSERT else '!'}{self.row(body, flags)})"
        if op is ops.FAILURE:
            return "(?!)"
        return self._back(op, argument, flags)

    def _back(self, op: Any, argument: Any, flags: int) -> str:
        if op is ops.GROUPREF_EXISTS:
            number, yes, no = argument
            return f"(?({number}){self.row(yes, flags)}|{self.row(no or (), flags)})"
        if op is not ops.GROUPREF:
            raise Untranslatable(f"{str(op).lower()} cannot be searched for under a deadline")
        if flags & re.IGNORECASE:
            raise Untranslatable("a reference to a group cannot be searched for without case under a deadline")
        return rf"\g<{argument}>"

    def _head(self, number: int | None) -> str:
        if number is None:
            return "?:"
        return f"?P<{self._names[number]}>" if number in self._names else ""


def _changed(flags: int, added: int, removed: int) -> int:
    if added & TYPES:
        flags &= ~TYPES
    return (flags | added) & ~removed


def _times(least: int, most: Any) -> str:
    if most is ops.MAXREPEAT:
        return {0: "*", 1: "+"}.get(least, f"{{{least},}}")
    return "?" if (least, int(most)) == (0, 1) else f"{{{least},{int(most)}}}"


def _place(place: Any, flags: int) -> str:
    lines = flags & re.MULTILINE
    if place is ops.AT_BEGINNING:
        return "(?m:^)" if lines else r"\A"
    if place is ops.AT_BEGINNING_STRING:
        return r"\A"
    if place is ops.AT_END:
        return "(?m:$)" if lines else "$"
    if place is ops.AT_END_STRING:
        return r"\Z"
    word = _set([(ops.CATEGORY, ops.CATEGORY_WORD)], flags)
    if place is ops.AT_BOUNDARY:
        return f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"
    if place is ops.AT_NON_BOUNDARY:
        # Before Python 3.14 there is no such place in an empty text.
        nowhere = "" if re.search(r"\B", "") else r"(?!\A\Z)"
        return f"(?:{nowhere}(?:(?<={word})(?={word})|(?<!{word})(?!{word})))"
    raise Untranslatable(f"{str(place).lower()} cannot be searched for under a deadline")


def _letter(code: int, flags: int) -> str:
    if flags & re.IGNORECASE:
        # Of all characters, only those that have another case can be this one.
        same = re.compile(_code(code), flags & LETTERS).findall(_cased() + chr(code))
        return f"[{''.join(sorted({_code(ord(letter)) for letter in same}))}]"
    letter = chr(code)
    return letter if letter.isascii() and letter.isalnum() else _code(code)


def _set(items: Iterable[Any], flags: int) -> str:
    inside = list(items)
    negated = bool(inside) and inside[0][0] is ops.NEGATE
    written = "".join(_item(*item) for item in inside[negated:])
    if flags & re.IGNORECASE or any(op is ops.CATEGORY for op, _ in inside):
        written = _spelled_out(written, flags & LETTERS)
    return f"[{'^' if negated else ''}{written}]"


def _item(op: Any, argument: Any) -> str:
    if op is ops.LITERAL:
        return _code(argument)
    if op is ops.RANGE:
        return _span(*argument)
    if op is ops.CATEGORY and argument in CATEGORIES:
        return CATEGORIES[argument]
    raise Untranslatable(f"{str(op).lower()} cannot be searched for under a deadline")


@cache
def _spelled_out(written: str, flags: int) -> str:
    """Return the characters that `re` takes for one of this set: ASCII first, the long list of the others behind it."""
    spans = [match.span() for match in re.compile(f"[{written}]+", flags).finditer(_every_character())]
    in_ascii = [(start, min(end - 1, LAST_ASCII)) for start, end in spans if start <= LAST_ASCII]
    others = [(max(start, LAST_ASCII + 1), end - 1) for start, end in spans if end - 1 > LAST_ASCII]
    # Most letters stand in a few long spans: asked for first, a Chinese text costs a tenth.
    by_length = sorted(others, key=lambda span: span[0] - span[1])
    most, rest = "".join(_span(*span) for span in by_length[:SPANS]), sorted(by_length[SPANS:])
    beyond = f"[{_span(LAST_ASCII + 1, LAST)}&&[{most}{_halved(rest)}]]" if others else ""
    return _halved(in_ascii) + beyond


def _halved(spans: list[tuple[int, int]]) -> str:
    """Write many spans as nested sets, since `regex` goes through a set one by one: 0.1 instead of 0.8 us a letter."""
    if len(spans) <= SPANS:
        return "".join(_span(*span) for span in spans)
    middle = len(spans) // 2
    return _guarded(spans[:middle]) + _guarded(spans[middle:])


def _guarded(spans: list[tuple[int, int]]) -> str:
    return f"[{_span(spans[0][0], spans[-1][1])}&&[{_halved(spans)}]]"


def _span(first: int, last: int) -> str:
    return _code(first) if first == last else f"{_code(first)}-{_code(last)}"


def _code(code: int) -> str:
    """Write a character so that `re` and `regex` read it alike, inside a set and outside."""
    return f"\\U{code:08x}"


def _every_character() -> str:
    return array("I", range(LAST + 1)).tobytes().decode(f"utf-32-{sys.byteorder[0]}e", "surrogatepass")


@cache
def _cased() -> str:
    letters = _every_character()
    # Piece by piece: most have no letter with another case in them, and this is six times as fast.
    pieces = (letters[start : start + 1024] for start in range(0, len(letters), 1024))
    return "".join(letter for piece in pieces if _has_case(piece) for letter in piece if _has_case(letter))


def _has_case(text: str) -> bool:
    return text.lower() != text or text.upper() != text
