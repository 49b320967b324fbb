"""Choices that leave nothing to watch: such a check is ok for ever. Shared by check types."""

from __future__ import annotations

from collections.abc import Collection

from agent.api import Regex

WORDS = "leaves nothing to watch: name what is to be left out"
_DIFFERENT = ("a", "Z", "7", "~")
"""What fits each of these fits every text."""


def find_problem(exclude: Collection[str], include: Collection[str] = (), signs: str = "") -> str:
    """Say which wildcards of `exclude` leave nothing, or that all of `include` is left out; empty where neither is so.

    `signs`: letters that each name has, such as the dot of a unit.
    """
    for pattern in exclude:
        if "*" in pattern and not pattern.strip("*?" + signs):
            return f"{pattern!r} {WORDS}"
    if include and set(include) <= set(exclude):
        return f"{', '.join(map(repr, include))} of include stands here too, which {WORDS}"
    return ""


def find_pattern_problem(exclude: Regex | None, pattern: Regex | None) -> str:
    """Say that a regular expression leaves out every text, or all that `pattern` finds; empty where it does not."""
    if exclude is not None and (exclude == pattern or all(map(exclude.search, _DIFFERENT))):
        return f"{str(exclude)!r} {WORDS}"
    return ""
