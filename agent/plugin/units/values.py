"""Values that YAML writes as text: time spans, sizes, percentages, numbers, regular expressions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from agent.plugin.patterns import Pattern, UnboundedPattern
from agent.plugin.units import foreign_patterns, spelling
from agent.plugin.units.text import duration_text, size_text

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1} | {
    f"{letter}{suffix}": base ** (power + 1)
    for power, letter in enumerate("kMGTP")
    for suffix, base in (("B", 1000), ("iB", 1024))
}
_CRON = re.compile(r"(?:[0-9*][0-9*/,-]*\s+){3}[0-9*a-zA-Z/,-]+\s+[0-9*a-zA-Z/,-]+")
_BYTES |= {"KB": 1000, "KiB": 1024}


class SettingValue:
    """A value that YAML writes as text: `parse` reads it or says in a ValueError what to write instead."""

    pattern: ClassVar[str]
    """A regular expression for the editor's schema."""
    example: ClassVar[str]
    """How it may be written; messages and documentation show it."""
    words: ClassVar[str] = "a value"
    """What it is, for messages and documentation: `a time span`."""
    as_written: ClassVar[bool] = False
    """`parse` gets what stands in the file, also where YAML takes it for a number: 1.10, not 1.1."""

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read what YAML gives: a text, a number, a list or a mapping. ValueError says what to write instead."""
        raise TypeError(f"{cls.__name__} does not say how it is written")

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of the written form."""
        return {"type": "string", "pattern": cls.pattern, "examples": [cls.example]}


def _amount(value: object, units: dict[str, Any], example: str, spellings: Mapping[str, str]) -> tuple[float, str]:
    match = re.fullmatch(rf"({_NUMBER})\s?([a-zA-Z%]*)", value.strip()) if isinstance(value, str) else None
    if match and match[2] in units:
        if len(match[1]) > 15:
            raise ValueError(f"{value!r} has too many digits")
        return float(match[1]), match[2]
    if (match and not match[2]) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        hint = spelling.with_unit(float(str(value)), spellings)
        raise ValueError(f"{value} has no unit, write {hint or f'for example {example}'}")
    hint = spelling.suggest(value, spellings) if isinstance(value, str) else ""
    kind = spelling.other_kind(value, spellings) if isinstance(value, str) and not hint else ""
    raise ValueError(f"{value!r} is {kind or 'not understood'}, write {hint or f'for example {example}'}")


class Duration(float, SettingValue):
    """A time span, kept in seconds; written `500ms`, `30s`, `5m`, `2h` or `1d`."""

    pattern = rf"^\s*{_NUMBER}\s?(ms|s|m|h|d)\s*$"
    example = "30s"
    words = "a time span"

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str) and _CRON.fullmatch(value.strip()):
            raise ValueError(f"{value!r} is a cron line, which only the setting cron takes")
        number, unit = _amount(value, _SECONDS, cls.example, spelling.TIMES)
        # One rounding at the end: 1.1 * 0.001 would leave binary dust in what users read back.
        return cls(round(number * _SECONDS[unit], 6))

    def __str__(self) -> str:
        return duration_text(self)


class Size(int, SettingValue):
    """A number of bytes; written `512B`, `10GB` (powers of 1000) or `5GiB` (powers of 1024)."""

    pattern = rf"^\s*{_NUMBER}\s?([kKMGTP]i?)?B\s*$"
    example = "5GiB"
    words = "a size"

    @classmethod
    def parse(cls, value: object) -> Self:
        number, unit = _amount(value, _BYTES, cls.example, spelling.SIZES)
        return cls(round(number * _BYTES[unit]))

    def __str__(self) -> str:
        return size_text(self)


class Percent(float, SettingValue):
    """A percentage from 0 to 100; written `80%`."""

    pattern = rf"^\s*{_NUMBER}\s?%\s*$"
    example = "80%"
    words = "a percentage"

    @classmethod
    def parse(cls, value: object) -> Self:
        number, _ = _amount(value, {"%": 1}, cls.example, spelling.PERCENT)
        if number > 100:
            raise ValueError(f"{value} is more than 100%")
        return cls(number)

    def __str__(self) -> str:
        return f"{float(self):g}%"


class Number(float, SettingValue):
    """A plain number."""

    pattern = r"^\s*-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?\s*$"
    example = "10"
    words = "a number"

    @classmethod
    def parse(cls, value: object) -> Self:
        text = str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        if isinstance(text, str) and re.match(cls.pattern, text) and math.isfinite(float(text)):
            return cls(text)
        comma = isinstance(text, str) and re.fullmatch(r"-?[0-9]+,[0-9]+", text.strip())
        hint = comma[0].replace(",", ".") if comma else f"for example {cls.example}"
        raise ValueError(f"{value!r} is not a number, write {hint}")

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": ["number", "string"], "pattern": cls.pattern}

    def __str__(self) -> str:
        return f"{float(self):g}"


_MEANT = re.compile(r"\.\*|\.\+|\(\?<?!|\{0?,")
"""Who writes this knows that it may fit the empty text: all of it, not what comes, at most so much."""


def _fits_everything(pattern: Regex) -> bool:
    """Tell whether a pattern is found in whatever it is sought in: it is empty, or an alternative of it (`error|`)."""
    if _MEANT.search(pattern.pattern_text) or not pattern.search(""):
        return False
    return all(pattern.search(text) for text in ("\n", "\ue000", *map(chr, range(32, 127))))


class Regex(SettingValue):
    """A regular expression in Python's syntax, searched for (not anchored).

    `search(text, seconds=None)` returns the match or None. At the end of the run, or after `seconds`, it raises
    CheckError; meanwhile it holds up nobody else, whatever the text.
    """

    __slots__ = ("pattern_text", "search")
    example = "^ok"
    words = "a regular expression"

    def __init__(self, text: str) -> None:
        self.pattern_text = text
        self.search = Pattern(text).search

    @classmethod
    def parse(cls, value: object) -> Self:
        """ValueError where it is no expression, could take for ever, means another thing elsewhere, or fits all."""
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text, put quotes around it")
        if words := foreign_patterns.misleads(value):
            raise ValueError(f"{value!r} is refused: {words}")
        try:
            regex = cls(value)
        except UnboundedPattern as error:
            raise ValueError(f"{value!r} is refused: {error}") from None
        except (re.error, OverflowError, RecursionError) as error:
            hint = foreign_patterns.advice(value, str(error))
            why = hint if value.startswith("*") else f"{error}{hint and f': {hint}'}"
            raise ValueError(f"{value!r} is not a regular expression: {why}") from None
        if _fits_everything(regex):
            raise ValueError(f"{value!r} fits every text, as it fits the empty one: if you mean that, write .*")
        return regex

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": "string", "format": "regex"}

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.pattern_text,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and self.pattern_text == other.pattern_text

    def __hash__(self) -> int:
        return hash(self.pattern_text)

    def __str__(self) -> str:
        return self.pattern_text

    def __repr__(self) -> str:
        return f"Regex({self.pattern_text!r})"
