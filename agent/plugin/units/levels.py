"""From where on a number is bad: Nagios ranges, and levels with a unit."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar, Self

from agent.plugin.units.values import Duration, Number, Percent, SettingValue, Size

_TWO = re.compile(
    r"\s*([^-–.,;/\s][^-–,;/\s]*?)\s*(?:-|–|\.{2,3}|[;/]|,\s|(?<=[%a-zA-Z]),|\bto\b|\s)\s*([^-–.,;/\s][^-–,;/\s]*)\s*"
)
"""Two values where one level belongs: `80-90%`, `80%, 90%`."""
_OTHER_SIDE = re.compile(r"([0-9.]+)\s*%\s*(?:(free|available|avail|left|idle)|(used|full|busy))", re.IGNORECASE)
_COMPARISON = re.compile(
    r"(?:([<>])=?|(more than|above|over|at least)|less than|below|under|at most)\s*(.+)", re.IGNORECASE
)


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
        """ValueError, with what to write, where the value is none."""
        if isinstance(value, dict):
            return cls._with_clear(value)
        if words := cls._other_form(value):
            raise ValueError(words)
        if isinstance(value, str) and (match := _COMPARISON.fullmatch(value.strip())):
            is_above = match[1] == ">" or bool(match[2])
            raise ValueError(f"{value!r} is not understood, write {cls._without_sign(is_above, match[3])}")
        if isinstance(value, str) and any(mark in value for mark in ":~@"):
            text = value.strip()
            range_ = Range.parse(text, cls.number)
            if math.isinf(range_.start) and math.isinf(range_.end):
                raise ValueError(
                    f"{text!r} is passed by {'every' if range_.inside else 'no'} number: write null for no level"
                )
            return cls(text, None, range_)
        number = cls.number.parse(value)
        return cls(str(value).strip(), float(number), Range(float(number), math.inf, inside=cls.upper))

    @classmethod
    def _other_form(cls, value: object) -> str:
        """Say what to write for two values, or for a share of what is left; '' for all else."""
        return cls._other_side(value) or cls._two_levels(value)

    @classmethod
    def _other_side(cls, value: object) -> str:
        if cls.number is not Percent or not isinstance(value, str):
            return ""
        match = _OTHER_SIDE.fullmatch(value.strip())
        if match is None:
            return ""
        share = float(match[1])
        is_other = bool(match[2]) == cls.upper
        return f"{value!r} is not understood, write {100 - share if is_other else share:g}%"

    @classmethod
    def _two_levels(cls, value: object) -> str:
        texts = _two_texts(value)
        unit = texts[1].strip("0123456789. ") if texts else ""
        unit = unit or ("%" if cls.number is Percent else "")
        try:
            pair = sorted((cls.number.parse(text), text) for text in (f"{one.rstrip(unit)}{unit}" for one in texts))
        except ValueError:
            return ""
        if not pair or pair[0][0] == pair[1][0]:
            return ""
        first, second = (text for _, text in (pair if cls.upper else pair[::-1]))
        shown = repr(value) if isinstance(value, str) else "a list"
        return f"{shown} is two values: write {first} as warning, {second} as critical"

    @classmethod
    def _without_sign(cls, above: bool, text: str) -> str:
        """Return how `> 90%` is written: the number where the level means that anyway, else a range."""
        try:
            cls.number.parse(text)
        except ValueError as error:
            text = str(error).rpartition("write ")[2]
        return text if above == cls.upper or " " in text else f'"~:{text}"' if above else f'"{text}:"'

    @classmethod
    def _with_clear(cls, value: dict[Any, Any]) -> Self:
        if set(value) != {"raise", "clear"}:
            raise ValueError(f"a level with two values needs both, write {{raise: {cls.example}, clear: ...}}")
        level, clear = cls.parse(value["raise"]), cls.parse(value["clear"])
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


def _two_texts(value: object) -> list[str]:
    """Return the two values that stand where one level belongs, as texts; [] where there are not two."""
    if isinstance(value, list) and len(value) == 2:
        return [str(part) for part in value]
    match = _TWO.fullmatch(str(value))
    return [str(part) for part in match.groups()] if match else []


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
