"""The performance data of the Nagios plugin API: `label=value[UOM];warn;crit;min;max`, space-separated.

Source: Monitoring Plugins Development Guidelines, "Performance data".
"""

from __future__ import annotations

import functools
import math
import re
from typing import NamedTuple

from agent.api import Metric, Range

METRICS_MAX = 256

_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_GAP = re.compile(r"[\s|]*")
_ITEM = re.compile(r"(?:'((?:[^']|'')*)'|([^\s='|]+))=([^\s|]*)")
# No quote stands within its own kind but doubled: there is one way to read it, however often quotes come.
_QUOTED = """'(?:[^'=|]|'')*'|"[^"=|]*"|[‘“„«][^‘’“”„«»=|]*[’”“»]"""
_NAME = rf"(?:{_QUOTED}|[^\W\d][^\s='|]{{0,100}}?)(?:\s*[:,]\s*|\s+)"
_NAMED_NUMBERS = re.compile(
    rf"({_NAME}){_NUMBER}[^\s='|]{{0,20}}(?:[\s,;]+(?:{_NAME})?{_NUMBER}[^\s='|]{{0,20}})*|"
    rf"{_NUMBER}[a-zA-Z%]{{0,3}}(?:;[^\s='|]*)?"
)
_WORD = re.compile(r"[^\s|]+")
# No digits in a unit, or 0x1f would be read as 0.
_VALUE = re.compile(rf"({_NUMBER})([a-zA-Z%°µμΩ/]*)")
NUMBER = re.compile(_NUMBER)
_RANGE = re.compile(rf"@?(?:(?:~|{_NUMBER})?:)?(?:{_NUMBER})?")
_COMMA = re.compile(r"([=;:@][-+]?[0-9]*),(?=[0-9])")

# `12 345`, as some languages write it: the first group, and what follows a blank.
_GROUP_BEFORE = re.compile(r"[-+]?[0-9]{1,3}")
_GROUP = re.compile(r"[0-9]{3}(?![0-9])")

# Factor to the base unit, negative for divisors: 1.1 / 1000 rounds better than 1.1 * 0.001.
_UNITS = {
    "s": ("s", 1),
    "ms": ("s", -1000),
    "us": ("s", -1000000),
    "µs": ("s", -1000000),
    "μs": ("s", -1000000),
    "ns": ("s", -1000000000),
}
_UNITS |= {"B": ("B", 1), "kB": ("B", 1000)}
_UNITS |= {f"{letter}B": ("B", 1000**power) for power, letter in enumerate("KMGTPE", 1)}
_UNITS |= {f"{letter}iB": ("B", 1024**power) for power, letter in enumerate("KMGTPE", 1)}


class Unread(NamedTuple):
    """A metric that was printed and has no value."""

    at: int
    """How many metrics stand before it."""
    name: str
    reason: str


class Perfdata(NamedTuple):
    """Metrics in base units, what could not be read, and which metrics have no value."""

    metrics: tuple[Metric, ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    def join(self, more: Perfdata) -> Perfdata:
        """Return both, the other's behind ours."""
        if not any(more):
            return self
        if not any(self):
            return more
        behind = tuple(one._replace(at=one.at + len(self.metrics)) for one in more.unread)
        return Perfdata(self.metrics + more.metrics, self.notes + more.notes, self.unread + behind)


def find(text: str) -> tuple[int, int]:
    """Return which `|` of the text performance data follows, and which one something like it; -1: none.

    Performance data is where nothing but items comes, at least one of them sound. Any other `|` is text: a URL, a
    table; where an item follows it at once, it is something like performance data.
    """
    pipe, like = text.find("|"), -1
    while pipe >= 0:
        begin, stop, items, sound = _scan(text, pipe)
        if stop == len(text) and sound:
            return begin, begin
        if items and like < 0:
            like = pipe
        # Whatever begins before the stranger meets it too, so the search goes on behind it: one pass over the text.
        pipe = text.find("|", stop)
    return -1, like


def _scan(text: str, position: int) -> tuple[int, int, int, bool]:
    """Return the last `|` with only unsound items before it, where the items end, how many, and if one is sound."""
    begin, items, sound = position, 0, False
    while True:
        gap_end = _GAP.match(text, position).end()  # type: ignore[union-attr]  # it matches nothing too
        if not sound and (pipe := text.find("|", position, gap_end)) >= 0:
            begin = pipe
        position = gap_end
        item = _ITEM.match(text, position)
        if not item:
            return begin, position, items, sound
        items += 1
        sound = sound or item[3][:1] == "U" or _value(item[3].partition(";")[0]) is not None
        position = item.end()


def find_in_text(text: str) -> tuple[Unread, ...]:
    """Return the first item in what was taken for text, where it may be meant as a metric."""
    if "|" not in text:
        return ()
    at = max(find(text))
    item = _ITEM.match(text, _GAP.match(text, at).end()) if at >= 0 else None  # type: ignore[union-attr]  # never None
    if not item:
        return _likely_item(text)
    only_items = _scan(text, at)[1] == len(text)
    if not only_items and at and not text[at - 1].isspace():
        return ()  # a URL
    return (Unread(0, _label(item), f"taken for text: {item[0][:80]}"),)


def _likely_item(text: str) -> tuple[Unread, ...]:
    """Return what stands between two `|` and has a `=`, or reads like `load 99`: it may be text or not."""
    before, _, between = text.partition("|")
    if before and not before[-1].isspace() and "/" in before:
        return ()  # a URL
    between = between.strip(" |")[:200]
    name, equals_sign, _ = between.partition("=")
    if equals_sign:
        return (Unread(0, name.strip(" '\""), f"taken for text: {between[:80]}"),)
    match = _NAMED_NUMBERS.fullmatch(between)
    if not match:
        return ()
    return (Unread(0, (match[1] or "").strip(" :,'\"‘’“”„«»"), f"taken for text: {between[:80]}, which lacks its `=`"),)


def with_points(text: str) -> str:
    """Write decimal commas behind the first `|` as points."""
    before, pipe, rest = text.partition("|")
    return before + pipe + _COMMA.sub(r"\1.", rest)


def read(text: str) -> Perfdata:
    """Read every item; what is no item is noted and skipped."""
    metrics: list[Metric] = []
    notes: list[str] = []
    unread: list[Unread] = []
    position, before = 0, ""
    while (position := _GAP.match(text, position).end()) < len(text):  # type: ignore[union-attr]  # never None
        if len(metrics) + len(notes) == METRICS_MAX:
            notes.append(f"only the first {METRICS_MAX} items of the performance data are kept")
            break
        item = _ITEM.match(text, position)
        if item:
            count = len(metrics)
            _read_item(item, metrics, notes, unread)
            before = item[3] if len(metrics) > count else ""
        else:
            item = _WORD.match(text, position)
            notes.append(f"performance data not understood: {item[0][:80]}")  # type: ignore[index]  # no gap here
            if why := _why_torn(before, item[0]):  # type: ignore[index]  # same
                name = metrics.pop().name
                unread.append(Unread(len(metrics), name, f"{why}: {name}=... {item[0][:20]}"))  # type: ignore[index]  # same
            before = ""
        position = item.end()  # type: ignore[union-attr]  # same
    return Perfdata(tuple(metrics), tuple(notes), tuple(unread))


def _why_torn(value: str, word: str) -> str:
    """Say why the word belongs to the value before it, which so is another; empty where it does not."""
    if _GROUP_BEFORE.fullmatch(value) and _GROUP.match(word):
        return "a number in groups of digits"
    other = NUMBER.fullmatch(value) and _UNITS.get(word.partition(";")[0], ("", 1))[1] != 1
    return "a unit behind a blank" if other else ""


def _read_item(item: re.Match[str], metrics: list[Metric], notes: list[str], unread: list[Unread]) -> None:
    label = _label(item)
    value, _, limits = item[3].partition(";")
    number = None if value == "U" else _value(value)
    if number is None or not label:
        reason = f"{'' if value == 'U' else 'performance data not understood: '}{item[0][:80]}"
        unread.append(Unread(len(metrics), label, reason))
        if value != "U":
            notes.append(reason)
        return
    amount, unit, factor = number
    try:
        metric_limits = _limits(limits, factor)
    except ValueError:
        notes.append(f"limits not understood: {item[0][:80]}")
        metric_limits = ("", "", None, None)
    metrics.append(Metric(label, amount, unit, *metric_limits))


def _label(item: re.Match[str]) -> str:
    return item[1].replace("''", "'") if item[2] is None else item[2]


def metric(label: str, value: str, limits: str) -> Metric:
    """Make a metric of a number with its unit and of `warn;crit;min;max`; ValueError where they are none."""
    number = _value(value)
    if number is None or not label:
        raise ValueError(f"{value} is no number with a unit")
    amount, unit, factor = number
    try:
        return Metric(label, amount, unit, *_limits(limits, factor))
    except ValueError:
        raise ValueError(f"limits not understood: {limits}") from None


def _value(text: str) -> tuple[float, str, int] | None:
    """Return the number in its base unit, that unit, and the factor that led to it."""
    match = _VALUE.fullmatch(text)
    if not match:
        return None
    unit, factor = _UNITS.get(match[2], (match[2], 1))
    number = _scale(match[1], factor)
    return (number, unit, factor) if math.isfinite(number) else None


def _scale(number: str, factor: int) -> float:
    return float(number) * factor if factor > 0 else float(number) / -factor


@functools.lru_cache(maxsize=256)  # a plugin's limits are the same in every run
def _limits(text: str, factor: int) -> tuple[str, str, float | None, float | None]:
    """Read `warn;crit;min;max`, scaled like their value; ValueError where one of them is none."""
    warning, critical, minimum, maximum, *more = [*text.split(";"), "", "", ""]
    if any(more):
        raise ValueError(text)
    return (
        _range(warning, factor),
        _range(critical, factor),
        _parse_bound(minimum, factor),
        _parse_bound(maximum, factor),
    )


def _range(text: str, factor: int) -> str:
    if text in ("", "@"):
        return text and "@0:"  # as the grammar has it: from 0, without an end
    if not _RANGE.fullmatch(text):
        raise ValueError(text)
    in_base_unit = NUMBER.sub(lambda number: repr(_scale(number[0], factor)).removesuffix(".0"), text)
    Range.parse(in_base_unit)
    return in_base_unit


def _parse_bound(text: str, factor: int) -> float | None:
    if text in ("", "U"):
        return None
    number = _scale(text, factor) if NUMBER.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise ValueError(text)
    return number
