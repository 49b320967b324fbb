"""Durations, sizes, percentages, Nagios ranges and levels: how YAML writes them, what they mean."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any, ClassVar, Self

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1} | {
    f"{letter}{suffix}": base ** (power + 1)
    for power, letter in enumerate("kMGTP")
    for suffix, base in (("B", 1000), ("iB", 1024))
}
_BYTES |= {"KB": 1000, "KiB": 1024}


class SettingValue:
    """A value that YAML writes as text: `parse` reads it or says in a ValueError what to write instead."""

    pattern: ClassVar[str]
    example: ClassVar[str]
    words: ClassVar[str] = "a value"
    """What it is, for messages and documentation: `a time span`."""

    @classmethod
    def parse(cls, value: object) -> Self:
        raise TypeError(f"{cls.__name__} does not say how it is written")

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of the written form."""
        return {"type": "string", "pattern": cls.pattern, "examples": [cls.example]}


def _amount(value: object, units: dict[str, Any], example: str) -> tuple[float, str]:
    match = re.fullmatch(rf"({_NUMBER})\s?([a-zA-Z%]*)", value.strip()) if isinstance(value, str) else None
    if match and match[2] in units:
        if len(match[1]) > 15:
            raise ValueError(f"{value!r} has too many digits")
        return float(match[1]), match[2]
    if (match and not match[2]) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        raise ValueError(f"{value} has no unit, write for example {example}")
    raise ValueError(f"{value!r} is not understood, write for example {example}")


class Duration(float, SettingValue):
    """A time span, kept in seconds; written `500ms`, `30s`, `5m`, `2h` or `1d`."""

    pattern = rf"^\s*{_NUMBER}\s?(ms|s|m|h|d)\s*$"
    example = "30s"
    words = "a time span"

    @classmethod
    def parse(cls, value: object) -> Self:
        number, unit = _amount(value, _SECONDS, cls.example)
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
        number, unit = _amount(value, _BYTES, cls.example)
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
        number, _ = _amount(value, {"%": 1}, cls.example)
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
        written = str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        if isinstance(written, str) and re.match(cls.pattern, written) and math.isfinite(float(written)):
            return cls(written)
        raise ValueError(f"{value!r} is not a number, write for example {cls.example}")

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": ["number", "string"], "pattern": cls.pattern}

    def __str__(self) -> str:
        return f"{float(self):g}"


class Range:
    """A Nagios range: alerts outside [start, end], with `inside` within it; bounds belong to the range.

    Source: Monitoring Plugins Development Guidelines, "Threshold and Ranges".
    """

    __slots__ = ("end", "inside", "start")

    def __init__(self, start: float, end: float, inside: bool = False) -> None:
        self.start, self.end, self.inside = start, end, inside

    @classmethod
    def parse(cls, text: str, number: type[Number | Duration | Size | Percent] = Number) -> Range:
        """Read `10`, `10:`, `~:10`, `10:20` or `@10:20`; ValueError where it is none."""
        inside = text.startswith("@")
        first, colon, last = text.removeprefix("@").rpartition(":")
        start = 0.0 if not colon or not first else -math.inf if first == "~" else float(number.parse(first))
        end = math.inf if colon and not last else float(number.parse(last))
        if start > end:
            raise ValueError(f"range {text!r} begins after its end, write {last}:{first}")
        return cls(start, end, inside)

    def alerts(self, value: float) -> bool:
        return (self.start <= value <= self.end) == self.inside

    def implies(self, other: Range) -> bool:
        """Tell whether whatever alerts here alerts there too (bounds themselves, and below 0 of `10`, aside)."""
        return all(
            any(from_ <= start and end <= to for from_, to in other._alerting(below_zero=True))
            for start, end in self._alerting(below_zero=False)
        )

    def _alerting(self, below_zero: bool) -> list[tuple[float, float]]:
        """Return the spans of numbers that alert; a range that begins at 0 hardly means to speak of less."""
        if self.inside:
            return [(self.start, self.end)]
        below = [(-math.inf, self.start)] if not math.isinf(self.start) and (self.start or below_zero) else []
        return below + ([] if math.isinf(self.end) else [(self.end, math.inf)])

    def __str__(self) -> str:
        start = "" if self.start == 0 else "~:" if math.isinf(self.start) else f"{self.start:.12g}:"
        if self.inside and not start:
            start = "0:"
        end = "" if math.isinf(self.end) else f"{self.end:.12g}"
        return f"{'@' if self.inside else ''}{start or ('' if end else '0:')}{end}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Range) and (self.start, self.end, self.inside) == (
            other.start,
            other.end,
            other.inside,
        )

    def __hash__(self) -> int:
        return hash((self.start, self.end, self.inside))

    def __repr__(self) -> str:
        return f"Range({str(self)!r})"


class Level(SettingValue):
    """From where on a number is bad.

    A plain value is the number itself: a level `Above` is passed at or above it, a level `Below` under it. A value
    with `:`, `~` or `@` is a Nagios range and means exactly what it means there. `{raise: 90%, clear: 85%}` is a level
    that, once passed, stays so until the number is back on the good side of `clear`.
    """

    number: ClassVar[type[Number | Duration | Size | Percent]]
    upper: ClassVar[bool]

    __slots__ = ("clear", "plain", "range", "text")

    def __init_subclass__(cls) -> None:
        cls.example, cls.words = cls.number.example, f"{cls.number.words} or a range"

    def __init__(self, text: str, plain: float | None, range_: Range, clear: Range | None = None) -> None:
        self.text, self.plain, self.range, self.clear = text, plain, range_, clear

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, dict):
            return cls._with_clear(value)
        if isinstance(value, str) and any(mark in value for mark in ":~@"):
            text = value.strip()
            return cls(text, None, Range.parse(text, cls.number))
        number = cls.number.parse(value)
        return cls(str(value).strip(), float(number), Range(float(number), math.inf, inside=cls.upper))

    @classmethod
    def _with_clear(cls, written: dict[Any, Any]) -> Self:
        if set(written) != {"raise", "clear"}:
            raise ValueError(f"a level with two values needs both, write {{raise: {cls.example}, clear: ...}}")
        level, clear = cls.parse(written["raise"]), cls.parse(written["clear"])
        if not level.range.implies(clear.range):
            raise ValueError(f"clear {clear} is not on the good side of raise {level}")
        return cls(f"{level}, clear {clear}", level.plain, level.range, clear.range)

    def passed_by(self, value: float) -> bool:
        return self.range.alerts(value)

    def holds(self, value: float) -> bool:
        """Tell whether a number that had passed the level would still count as bad."""
        return (self.clear or self.range).alerts(value)

    @property
    def perfdata(self) -> str:
        """Return the level as performance data writes it: the number, or the range."""
        if self.plain is None or not self.upper:
            return str(self.range)
        return f"{self.plain:.12g}"

    @classmethod
    def schema(cls) -> dict[str, Any]:
        types = ["number", "string"] if cls.number is Number else ["string"]
        simple = {"type": types, "examples": [cls.number.example, f"~:{cls.number.example}"]}
        two = {
            "type": "object",
            "properties": {"raise": {"type": types}, "clear": {"type": types}},
            "required": ["raise", "clear"],
            "additionalProperties": False,
        }
        return {"anyOf": [simple, two]}

    def __eq__(self, other: object) -> bool:
        return (
            type(self) is type(other)
            and isinstance(other, Level)
            and (self.range, self.clear) == (other.range, other.clear)
        )

    def __hash__(self) -> int:
        return hash((type(self), self.range, self.clear))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


class NumberAbove(Level):
    """A number that is bad from here up, or a Nagios range."""

    number, upper = Number, True


class NumberBelow(Level):
    """A number that is bad below this, or a Nagios range."""

    number, upper = Number, False


class PercentAbove(Level):
    """A percentage that is bad from here up, or a Nagios range of percentages."""

    number, upper = Percent, True


class PercentBelow(Level):
    """A percentage that is bad below this, or a Nagios range of percentages."""

    number, upper = Percent, False


class SizeAbove(Level):
    """A size that is bad from here up, or a Nagios range of sizes."""

    number, upper = Size, True


class SizeBelow(Level):
    """A size that is bad below this, or a Nagios range of sizes."""

    number, upper = Size, False


class DurationAbove(Level):
    """A time span that is bad from here up, or a Nagios range of time spans."""

    number, upper = Duration, True


class DurationBelow(Level):
    """A time span that is bad below this, or a Nagios range of time spans."""

    number, upper = Duration, False


class Regex(SettingValue):
    """A regular expression in Python's syntax, searched for (not anchored)."""

    __slots__ = ("pattern_text", "search")
    example = "^ok"
    words = "a regular expression"

    def __init__(self, text: str) -> None:
        self.pattern_text = text
        self.search = re.compile(text).search

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not text, put quotes around it")
        try:
            with warnings.catch_warnings(action="ignore"):
                return cls(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}") from None

    @classmethod
    def schema(cls) -> dict[str, Any]:
        return {"type": "string", "format": "regex"}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and self.pattern_text == other.pattern_text

    def __hash__(self) -> int:
        return hash(self.pattern_text)

    def __str__(self) -> str:
        return self.pattern_text

    def __repr__(self) -> str:
        return f"Regex({self.pattern_text!r})"


def duration_text(seconds: float) -> str:
    """Say a time span for people: `12ms`, `1.5s`, `2m 5s`, `3h 10m`, `4d 6h`."""
    if seconds < 1:
        return f"{seconds * 1000:.3g}ms"
    if seconds < 60:
        return f"{seconds:.3g}s"
    whole = round(seconds)
    for size, unit, smaller, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size}{unit}" + (f" {rest}{small_unit}" if rest else "")
    return f"{whole}s"


def size_text(number: float) -> str:
    """Say a number of bytes for people: `512 B`, `1.5 GiB`."""
    if abs(number) < 1024:
        return f"{number:g} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        number /= 1024
        if abs(number) < 1024:
            return f"{number:.3g} {unit}" if abs(number) < 100 else f"{number:.0f} {unit}"
    return f"{number / 1024:.3g} PiB"
