"""From the parse tree of Python's `re` to a pattern that the package `regex` reads in the same way.

`regex` has more syntax (`{e<1}` for mistakes, `[[:alpha:]]`, `[a--b]`) and other ideas of what a word character, a
space and a letter of another case are. So nothing that a person wrote gets there as it is: `re` says what it means, and
that is written anew with the few things that both read alike. Each set of characters is asked of `re` itself.
"""

from __future__ import annotations

import re
import re._constants as ops  # type: ignore[import-not-found]
from collections.abc import Iterable
from functools import cache
from re._parser import SubPattern  # type: ignore[import-not-found]
from typing import Any

LETTERS = re.IGNORECASE | re.ASCII | re.UNICODE
"""The flags that change which characters are meant."""
TYPES = re.ASCII | re.UNICODE
LAST = 0x10FFFF
MOST_UNROLLED = 20_000
"""Some 10 MB."""
MOST_WRITTEN = 500_000
"""Characters, for which compiling takes a second and some 20 MB: 60 ends of words, or 200 times `\\w`."""
LAST_ASCII = 0x7F
SPANS = 16
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
REPEATS = {ops.MAX_REPEAT: "", ops.MIN_REPEAT: "?", ops.POSSESSIVE_REPEAT: "+"}


class Untranslatable(ValueError):
    """The pattern has something that cannot be searched for under a deadline; the text says what."""


def translated(tree: SubPattern) -> str:
    """Return the pattern for `regex` (its version 1, no other flags) that finds what this one finds in `re`."""
    if unrolled(tree) > MOST_UNROLLED:
        raise Untranslatable(f"its repeats come to more than {MOST_UNROLLED} parts that must be there")
    written = _Translation(tree).row(tree, tree.state.flags)
    if len(written) > MOST_WRITTEN:
        raise Untranslatable("it has too many sets of characters and ends of words")
    return written


def unrolled(items: Iterable[Any]) -> int:
    """Return how many parts there are when each repeat is written out as often as it must match, as `regex` does."""
    return sum(_unrolled(op, argument) for op, argument in items)


def _unrolled(op: Any, argument: Any) -> int:
    if op in REPEATS:
        return 1 + max(1, int(argument[0])) * unrolled(argument[2])
    if op is ops.BRANCH:
        return 1 + sum(unrolled(branch) for branch in argument[1])
    if op is ops.GROUPREF_EXISTS:
        return 1 + sum(unrolled(branch or ()) for branch in argument[1:])
    if op is ops.SUBPATTERN:
        return 1 + unrolled(argument[3])
    if op is ops.ATOMIC_GROUP:
        return 1 + unrolled(argument)
    return 1 + unrolled(argument[1]) if op in (ops.ASSERT, ops.ASSERT_NOT) else 1


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
    categories = "".join(_category(argument, flags) for op, argument in inside if op is ops.CATEGORY)
    others = "".join(_item(*item) for item in inside[negated:] if item[0] is not ops.CATEGORY)
    if others and flags & re.IGNORECASE:
        others = _in_any_case(others, flags & LETTERS)
    return f"[{'^' if negated else ''}{others}{categories}]"


def _item(op: Any, argument: Any) -> str:
    if op is ops.LITERAL:
        return _code(argument)
    if op is ops.RANGE:
        return _span(*argument)
    raise Untranslatable(f"{str(op).lower()} cannot be searched for under a deadline")


def _category(category: Any, flags: int) -> str:
    if category not in CATEGORIES:
        raise Untranslatable(f"{str(category).lower()} cannot be searched for under a deadline")
    name, negated = CATEGORIES[category]
    return f"[{negated}{_members(name, flags & re.ASCII)}]"


@cache
def _members(category: str, flags: int) -> str:
    """Return what `re` takes for a digit, space or word character: ASCII first, then as `regex` has it, corrected."""
    every = _every_character()
    wanted = _spans(re.compile(f"{category}+", flags), every)
    in_ascii = "".join(_span(start, min(end, LAST_ASCII)) for start, end in wanted if start <= LAST_ASCII)
    if flags:
        return in_ascii
    import regex

    has, has_not = _difference(_spans(regex.compile(f"[{NEAREST[category]}]+"), every), wanted)
    beyond = f"[{NEAREST[category]}]" + (f"--[{_halved(has)}]" if has else "")
    return f"{in_ascii}[{_span(LAST_ASCII + 1, LAST)}&&[{beyond}]]{_halved(has_not)}"


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
def _in_any_case(written: str, flags: int) -> str:
    return _halved(_spans(re.compile(f"[{written}]+", flags), _every_character()))


def _halved(spans: list[Span]) -> str:
    """Write many spans as nested sets, since `regex` goes through a set one by one."""
    if len(spans) <= SPANS:
        return "".join(_span(*span) for span in spans)
    middle = len(spans) // 2
    return "".join(
        f"[{_span(half[0][0], half[-1][1])}&&[{_halved(half)}]]" for half in (spans[:middle], spans[middle:])
    )


def _span(first: int, last: int) -> str:
    return _code(first) if first == last else f"{_code(first)}-{_code(last)}"


def _code(code: int) -> str:
    """Write a character so that `re` and `regex` read it alike, inside a set and outside."""
    return f"\\U{code:08x}"


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
def _cased() -> str:
    letters = _every_character()
    # Piece by piece: most have no letter with another case in them, and this is six times as fast.
    pieces = (letters[start : start + 1024] for start in range(0, len(letters), 1024))
    return "".join(letter for piece in pieces if _has_case(piece) for letter in piece if _has_case(letter))


def _has_case(text: str) -> bool:
    return text.lower() != text or text.upper() != text
