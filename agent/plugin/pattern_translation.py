"""From the parse tree of Python's `re` to a pattern that the package `regex` reads in the same way.

`regex` has more syntax (`{e<1}` for mistakes, `[[:alpha:]]`, `[a--b]`) and other ideas of what a word character, a
space and a letter of another case are. So nothing that a person wrote gets there as it is: `re` says what it means, and
that is written anew with the few things that both read alike. Each set of characters is asked of `re` itself.
"""

from __future__ import annotations

import re
import re._constants as ops  # type: ignore[import-not-found]
from collections.abc import Iterable
from re._parser import SubPattern  # type: ignore[import-not-found]
from typing import Any

from agent.plugin.pattern_characters import ASCII_TEXT, Untranslatable, character_set, letter

TYPES = re.ASCII | re.UNICODE
MOST_UNROLLED = 20_000
"""Parts, each repeat written out as often as it must match: so many take some 10 MB in `regex`."""
MOST_SETS = 240
"""So many times `\\w`, or a quarter as many `\\b`, take a second and some 20 MB to compile for any text."""
REPEATS = {ops.MAX_REPEAT: "", ops.MIN_REPEAT: "?", ops.POSSESSIVE_REPEAT: "+"}


def translate(tree: SubPattern, *, for_ascii: bool = False) -> str:
    """Return the pattern for `regex` (its version 1, no other flags) that finds what this one finds in `re`.

    `for_ascii`: in texts of ASCII only. Such a pattern is compiled and searched ten times as fast.
    """
    if count_parts(tree) > MOST_UNROLLED:
        raise Untranslatable(f"its repeats come to more than {MOST_UNROLLED} parts that must be there")
    translation = _Translation(tree)
    pattern = translation.row(tree, tree.state.flags | (ASCII_TEXT if for_ascii else 0))
    if translation.sets > MOST_SETS:
        raise Untranslatable("it has too many sets of characters and ends of words")
    return pattern


def count_parts(items: Iterable[Any]) -> int:
    """Return how many parts there are when each repeat is written out as often as it must match, as `regex` does."""
    return sum(_count_of(op, argument) for op, argument in items)


def _count_of(op: Any, argument: Any) -> int:
    if op in REPEATS:
        return 1 + max(1, int(argument[0])) * count_parts(argument[2])
    if op is ops.BRANCH:
        return 1 + sum(count_parts(branch) for branch in argument[1])
    if op is ops.GROUPREF_EXISTS:
        return 1 + sum(count_parts(branch or ()) for branch in argument[1:])
    if op is ops.SUBPATTERN:
        return 1 + count_parts(argument[3])
    if op is ops.ATOMIC_GROUP:
        return 1 + count_parts(argument)
    return 1 + count_parts(argument[1]) if op in (ops.ASSERT, ops.ASSERT_NOT) else 1


class _Translation:
    def __init__(self, tree: SubPattern) -> None:
        self.sets = 0
        """Large sets of characters that are in it."""
        self._names = {number: name for name, number in tree.state.groupdict.items()}

    def row(self, items: Iterable[Any], flags: int) -> str:
        return "".join(self._part(op, argument, flags) for op, argument in items)

    def _part(self, op: Any, argument: Any, flags: int) -> str:
        if op is ops.LITERAL:
            return letter(argument, flags)
        if op is ops.NOT_LITERAL:
            return character_set([(ops.NEGATE, None), (ops.LITERAL, argument)], flags)
        if op is ops.IN:
            self.sets += sum(item[0] is ops.CATEGORY for item in argument)
            return character_set(argument, flags)
        if op is ops.ANY:
            return "(?s:.)" if flags & re.DOTALL else "."
        if op is ops.AT:
            if argument in (ops.AT_BOUNDARY, ops.AT_NON_BOUNDARY):
                self.sets += 4
            return _place(argument, flags)
        if op in REPEATS:
            least, most, body = argument
            return f"(?:{self.row(body, flags)}){_times(int(least), most)}{REPEATS[op]}"
        return self._group(op, argument, flags)

    def _group(self, op: Any, argument: Any, flags: int) -> str:
        if op is ops.SUBPATTERN:
            number, added, removed, body = argument
            return f"({self._head(number)}{self.row(body, _change_flags(flags, added, removed))})"
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


def _change_flags(flags: int, added: int, removed: int) -> int:
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
    # Before Python 3.14 there is no \B in an empty text.
    nowhere = "" if re.search(r"\B", "") else r"(?!\A\Z)"
    if flags & ASCII_TEXT and place in (ops.AT_BOUNDARY, ops.AT_NON_BOUNDARY):
        return r"\b" if place is ops.AT_BOUNDARY else rf"(?:{nowhere}\B)"
    word = character_set([(ops.CATEGORY, ops.CATEGORY_WORD)], flags)
    if place is ops.AT_BOUNDARY:
        return f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"
    if place is ops.AT_NON_BOUNDARY:
        return f"(?:{nowhere}(?:(?<={word})(?={word})|(?<!{word})(?!{word})))"
    raise Untranslatable(f"{str(place).lower()} cannot be searched for under a deadline")
