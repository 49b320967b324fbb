"""Pure: how others write time spans, sizes and percentages, for hints: what to write here instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

TIMES = {
    "ms": "ms msec msecs millis millisecond milliseconds",
    "s": "s sec secs second seconds",
    "m": "m min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
}
SIZES = {
    "B": "b byte bytes",
    **{f"{letter}B": f"{letter.lower()}b" for letter in "kMGTP"},
    # df, du, free and dd mean powers of 1024 by one letter.
    **{f"{letter}iB": f"{letter.lower()}ib {letter.lower()}i {letter.lower()}" for letter in ("K", *"MGTP")},
}
PERCENT = {"%": "% percent pct prozent pourcent procent"}
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
MOST = 1e9
_WEEKS = re.compile(r"([0-9]{1,9})\s*(?:w|wk|weeks?)\b")
_PART = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,5})?)\s*([a-z%]+)")


def suggest(text: str, units: Mapping[str, str]) -> str:
    """Return how a value is written here, such as `90s` for `1 min 30 sec`; '' where nobody can tell."""
    plain = text.strip().lower()
    iso = re.fullmatch(r"p(?=.)(.*?)t?(.*)", plain) if units is TIMES and plain[:1] == "p" else None
    plain = f"{iso[1]}{iso[2]}".replace("t", "") if iso else plain
    plain = _WEEKS.sub(lambda match: f"{float(match[1]) * 7:g}d", plain) if units is TIMES else plain
    parts = _PART.findall(plain)
    if not parts or re.sub(r"\s|,|and|\+", "", _PART.sub("", plain)):
        return ""
    read = [(float(number.replace(",", ".")), _unit(word, units)) for number, word in parts]
    if not all(unit for _, unit in read):
        return ""
    return f"{read[0][0]:.15g}{read[0][1]}" if len(read) == 1 else _sum(read) if units is TIMES else ""


def _unit(word: str, units: Mapping[str, str]) -> str:
    return next((unit for unit, words in units.items() if word in words.split()), "")


def _sum(parts: list[tuple[float, str]]) -> str:
    """Write several parts as one number, of the largest unit in which it is whole."""
    seconds = round(sum(number * _SECONDS[unit] for number, unit in parts), 3)
    unit = next((unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0), "ms")
    return f"{seconds / _SECONDS[unit]:.15g}{unit}"


def with_unit(number: float, units: Mapping[str, str]) -> str:
    """Say what a bare number may mean, for somebody to choose; '' where it can be none of that."""
    if not 0 <= number < MOST or (units is PERCENT and number > 100):
        return ""
    if number == 0:
        return f"0{next(unit for unit in ('s', 'B', '%') if unit in units)}"
    if units is PERCENT:
        share = f"{number * 100:.15g}% or " if 0 < number < 1 else ""
        return f"{share}{number:.15g}%"
    choices = ("s", "m", "h", "d") if units is TIMES else ("B", "MiB", "GiB")
    each = [f"{number:.15g}{unit}" for unit in choices]
    return f"{', '.join(each[:-1])} or {each[-1]}"
