"""Pure: how others write time spans, sizes and percentages, for hints: what to write here instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

TIMES = {
    "ms": "ms msec msecs millis millisecond milliseconds",
    "s": "s sec secs second seconds seconde sekunde sekunden segundo 秒",
    "m": "m min mins minute minutes minuten minuto minuti 分 分钟",
    "h": "h hr hrs hour hours stunde stunden std heure hora 时 小时",
    "d": "d day days tag tage tagen jour dia 天 日",
}
_WORDS = {"k": "kilo kibi", "m": "mega mebi meg", "g": "giga gibi gig", "t": "tera tebi", "p": "peta pebi"}
SIZES = {
    "B": "b byte bytes octet",
    **{f"{one}B": f"{one.lower()}b {one.lower()}o {_WORDS[one.lower()].split()[0]}byte" for one in "kMGTP"},
    # df, du, free and dd mean powers of 1024 by one letter.
    **{f"{one}iB": f"{one.lower()}ib {one.lower()}i {one.lower()} {_WORDS[one.lower()]}" for one in ("K", *"MGTP")},
}
PERCENT = {"%": "% percent pct prozent pourcent procent"}
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
MOST = 1e9
LEAST_MS = 100
"""Who writes so much of a time without a unit may mean milliseconds."""
_DAYS = {"w": 7, "mo": 30, "y": 365}
_LONG = re.compile(r"([0-9]{1,9})\s*(?:(w)|(mo)|(y))(?:k|eeks?|nths?|s|rs?|ears?)?(?![a-z])")
_PART = re.compile(r"([0-9]{1,15}(?:[.,][0-9]{1,5})?)\s*([a-z%\u4e00-\u9fff]+)")
_FRACTION = re.compile(r"(?<![0-9/])(?:([0-9]{1,6})\s+)?([0-9])/([1-9])(?![0-9/])")
_PRODUCT = re.compile(r"([0-9]{1,7})\s*[*x×]\s*([0-9]{1,7})")
_WORDS_OF_TIME = {
    "hourly": "1h",
    "daily": "1d",
    "nightly": "1d",
    "weekly": "7d",
    "half an hour": "30m",
    "half hour": "30m",
}
_SMALLER = {"d": "h", "h": "m", "m": "s"}
_CLOCK = re.compile(r"([0-9]{1,3}):([0-5]?[0-9])(?::([0-5]?[0-9]))?")
_THOUSANDS = re.compile(r"(?<![0-9.,])([0-9]{1,3})((?:[,_' ][0-9]{3})+)(?![0-9])")


def suggest(text: str, units: Mapping[str, str]) -> str:
    """Return how a value is written here, such as `90s` for `1 min 30 sec`; '' where nobody can tell."""
    plain = re.sub(r"(?<![0-9])\.(?=[0-9])", "0.", text.strip().lower())
    plain = _FRACTION.sub(lambda match: f"{int(match[1] or 0) + int(match[2]) / int(match[3]):.5g}", plain)
    plain = _PRODUCT.sub(lambda match: f"{int(match[1]) * int(match[2])}", plain)
    if units is TIMES:
        plain = _plain_time(plain)
        if clock := _CLOCK.fullmatch(plain):
            return _of_clock(clock)
    elif units is PERCENT:
        plain = re.sub(r"^(%|percent|pct)\s*([0-9.,]+)$", r"\2\1", plain)
    elif thousands := _THOUSANDS.search(plain):
        return _of_thousands(plain, thousands, units)
    parts = _PART.findall(plain)
    if not parts or re.sub(r"\s|,|and|\+", "", _PART.sub("", plain)):
        return ""
    read = [(float(number.replace(",", ".")), _unit(word, units)) for number, word in parts]
    if not all(unit for _, unit in read) or (units is PERCENT and read[0][0] > 100):
        return ""
    return f"{read[0][0]:.15g}{read[0][1]}" if len(read) == 1 else _sum(read) if units is TIMES else ""


def _of_thousands(text: str, number: re.Match[str], units: Mapping[str, str]) -> str:
    """Return what a number in groups may mean: one comma may also begin a fraction."""
    before, after = text[: number.start()], text[number.end() :]
    whole = suggest(f"{before}{re.sub('[^0-9]', '', number[0])}{after}", units)
    if not re.fullmatch(",[0-9]{3}", number[2]):
        return whole
    fraction = suggest(f"{before}{number[0].replace(',', '.')}{after}", units)
    return f"{whole} or {fraction}" if whole and fraction else whole


def _plain_time(text: str) -> str:
    """Return a time span without what others write around it: `every`, ISO 8601, weeks, a last number without unit."""
    text = re.sub(r"^(?:(?:@?every|each|after|for|about|ca\.?)\s+|~\s*)", "", text)
    text = _WORDS_OF_TIME.get(text, re.sub(r"^(?:an?|one)\s+", "1 ", text))
    text = re.sub(r"^([0-9]+)\s*['\u2032]$", r"\1m", text)
    iso = re.fullmatch(r"p(?=.)(.*?)t?(.*)", text)
    text = f"{iso[1]}{iso[2]}".replace("t", "") if iso else text
    text = _LONG.sub(lambda match: f"{int(match[1]) * _DAYS[match[2] or match[3] or match[4]]}d", text)
    last = re.fullmatch(r"(.*[0-9]\s*([a-z]+))\s*([0-9]{1,2})", text)
    smaller = _SMALLER.get(_unit(last[2], TIMES)) if last else None
    return f"{last[1]} {last[3]}{smaller}" if last and smaller else text


def _of_clock(clock: re.Match[str]) -> str:
    """Return what a clock's form may mean, of two parts both ways."""
    first, second = int(clock[1]), int(clock[2])
    if clock[3] is not None:
        return _sum([(first, "h"), (second, "m"), (int(clock[3]), "s")])
    return " or ".join(dict.fromkeys(_sum([(first, large), (second, small)]) for large, small in ("hm", "ms")))


def _unit(word: str, units: Mapping[str, str]) -> str:
    words_of = {word.lower(): unit for unit, words in units.items() for word in words.split()}
    return words_of.get(word) or words_of.get(word.removesuffix("s"), "")


def _sum(parts: list[tuple[float, str]]) -> str:
    """Write several parts as one number, of the largest unit in which it is whole."""
    seconds = round(sum(number * _SECONDS[unit] for number, unit in parts), 3)
    unit = next((unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0), "ms")
    return f"{seconds / _SECONDS[unit]:.15g}{unit}"


def other_kind(text: str, units: Mapping[str, str]) -> str:
    """Return what a text is where another kind of value belongs, such as `a percentage`; '' where that is not known."""
    kinds = (("a time span", TIMES), ("a size", SIZES), ("a percentage", PERCENT))
    return next((kind for kind, theirs in kinds if theirs is not units and suggest(text, theirs)), "")


def with_unit(number: float, units: Mapping[str, str]) -> str:
    """Say what a bare number may mean, for somebody to choose; '' where it can be none of that."""
    if units is SIZES and MOST <= number < 1e15:
        return f"{number:.15g}B"  # nobody writes so many of anything else
    if not 0 <= number < MOST or (units is PERCENT and number > 100):
        return ""
    if number == 0:
        return f"0{next(unit for unit in ('s', 'B', '%') if unit in units)}"
    if units is PERCENT:
        share = f"{number * 100:.15g}% or " if 0 < number < 1 else ""
        return f"{share}{number:.15g}%"
    of_times = ("ms", "s", "m", "h", "d") if number >= LEAST_MS else ("s", "m", "h", "d")
    choices = of_times if units is TIMES else ("B", "MiB", "GiB")
    each = [f"{number:.15g}{unit}" for unit in choices]
    return f"{', '.join(each[:-1])} or {each[-1]}"
