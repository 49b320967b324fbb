"""Values of settings that every check or the agent has: a rate of requests, and how much it takes to believe."""

from __future__ import annotations

import re
from typing import Any, Self

from agent.plugin.units import Duration, SettingValue, duration_text, spelling

MOST_TIMES = 1000
MOST_OF = 64
"""So many letters are kept of the last results."""
MOST_SECONDS = 365 * 86400.0

_PER_MINUTE = {"s": 60.0, "min": 1.0, "h": 1 / 60}


class Rate(float, SettingValue):
    """A number of requests, kept as requests a minute; written `20/min`, `5/s` or `100/h`."""

    pattern = r"^\s*[0-9]{1,6}(\.[0-9]{1,6})?\s?/\s?(s|min|h)\s*$"
    example = "20/min"
    words = "a rate"

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or not re.match(cls.pattern, value):
            raise ValueError(f"{value!r} is not understood, write for example {cls.example}")
        number, _, unit = value.partition("/")
        if not float(number):
            raise ValueError(f"{value!r} would never send, write for example {cls.example}")
        return cls(float(number) * _PER_MINUTE[unit.strip()])

    def __str__(self) -> str:
        return f"{float(self):g}/min"


def _count(text: str) -> str:
    """Return how a count is written here that is written otherwise: `3x`, `3 times`, `3/5`, `3 out of 5`."""
    match = re.fullmatch(r"([0-9]{1,4})\s*(?:/|out of|from|of the last)\s*([0-9]{1,4})", text.lower())
    if match:
        return f"{match[1]} of {match[2]}"
    match = re.fullmatch(r"([0-9]{1,4})\s*(?:x|times|in a row|runs|results|checks|failures)", text.lower())
    return match[1] if match else text.replace("_", "") if re.fullmatch(r"[1-9][0-9]{0,2}(?:_[0-9]{3})+", text) else ""


class FailCount(SettingValue):
    """What it takes before a bad status is believed: `3` in a row, `3 of 5`, or a time span such as `5m`."""

    pattern = rf"^\s*([1-9][0-9]{{0,3}}|[0-9]+\s+of\s+[0-9]+)\s*$|{Duration.pattern}"
    example = "3, 3 of 5 or 5m"
    words = "a count or a time span"

    __slots__ = ("of", "seconds", "times")

    def __init__(self, times: int = 1, of: int = 0, seconds: float = 0.0) -> None:
        self.times, self.of, self.seconds = times, of, seconds

    @classmethod
    def parse(cls, value: object) -> Self:
        text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        if re.fullmatch(r"-?(0|[1-9][0-9]*)", text, re.ASCII):
            return cls._in_a_row(text)
        if match := re.fullmatch(r"([0-9]{1,9})\s+of\s+([0-9]{1,9})", text, re.ASCII):
            return cls._among(int(match[1]), int(match[2]), text)
        if re.fullmatch(Duration.pattern, text):
            return cls._lasting(text)
        hint = _count(text) or spelling.suggest(text, spelling.TIMES) or f"for example {cls.example}"
        raise ValueError(f"{value!r} is not understood, write {hint}")

    @classmethod
    def _in_a_row(cls, text: str) -> Self:
        if len(text) > 4 or not 1 <= int(text) <= MOST_TIMES:
            raise ValueError(f"{text} must be between 1 and {MOST_TIMES}")
        return cls(int(text))

    @classmethod
    def _among(cls, times: int, of: int, text: str) -> Self:
        if of > MOST_OF:
            raise ValueError(f"{text!r} looks back too far, at most at {MOST_OF} results")
        if times > of:
            raise ValueError(f"{text!r} can never be, write {of} of {times}")
        if not times:
            raise ValueError(f"{text!r} needs no bad result at all, write 1 of {of}")
        return cls(times, of)

    @classmethod
    def _lasting(cls, text: str) -> Self:
        seconds = float(Duration.parse(text))
        if not 0 < seconds <= MOST_SECONDS:
            raise ValueError(f"{text!r} must be above 0s and at most {duration_text(MOST_SECONDS)}")
        return cls(seconds=seconds)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        count = {"type": "integer", "minimum": 1, "maximum": MOST_TIMES}
        return {"anyOf": [count, {"type": "string", "pattern": cls.pattern, "examples": ["3 of 5", "5m"]}]}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FailCount) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        if self.seconds:
            return duration_text(self.seconds)
        return f"{self.times} of {self.of}" if self.of else str(self.times)

    def __repr__(self) -> str:
        return f"FailCount({str(self)!r})"
