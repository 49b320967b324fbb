"""Results written as JSON: one object, a list of objects, or an object a line.

{"status": "warning", "summary": "3 orders wait", "subject": "shop", "details": "...",
 "metrics": {"waiting": {"value": 3, "unit": "", "warning": "2", "critical": "10", "min": 0, "max": 100}, "age": 4.5},
 "time": 1700000000, "ttl": 300}

`status` is ok, warning, critical or nodata, or the number of a plugin's exit code; without it the levels of the
metrics decide, so then one of them must have a level. `time` (Unix seconds) is when it was found out, `ttl` (seconds)
how old it may become. All but the status may be missing.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from agent.api import Metric, Result, Status
from checks.script import perfdata
from checks.script.levels import WORST_LAST, status_of
from checks.script.many import Report, ReportBuilder, add_notes, check_age, metrics_text, status_from_number, subject_of
from checks.script.nagios import DETAILS_LENGTH, SUMMARY_LENGTH
from checks.script.perfdata import Unread
from checks.script.text import one_line, printable, shorten

FIELDS = ("status", "summary", "subject", "details", "metrics", "time", "ttl")
_WORDS = {status.value for status in Status}
_SPACE = re.compile(r"\s*")
_METRIC = ("value", "unit", "warning", "critical", "min", "max")


def parse(text: str, now: float) -> Report:
    """Read every result; a bad one hides no other. `now` in Unix seconds. Never raises."""
    stripped = text.strip()
    if not stripped:
        return ReportBuilder().report()
    try:
        whole = _decode(stripped)
    except ValueError:
        if "\n" not in stripped and not stripped.startswith("["):
            return _read([("the output", stripped)], now)
        by_line = _read(_lines(text), now)
        by_entry = _read(_entries(stripped), now) if stripped.startswith("[") else by_line
        return max(by_line, by_entry, key=lambda report: len(report.results))
    if isinstance(whole, list):
        return _read(((f"entry {number}", one) for number, one in enumerate(whole, 1)), now, decoded=True)
    return _read([("the output", whole)], now, decoded=True)


def _read(entries: Iterable[tuple[str, Any]], now: float, decoded: bool = False) -> Report:
    """Read what was printed, each with its place."""
    builder = ReportBuilder()
    for place, one in entries:
        try:
            builder.add(*_result(one if decoded else _decode(one), now))
        except ValueError as error:
            builder.add_fault(partial(_fault, place, error))
    return builder.report()


def _fault(place: str, error: ValueError) -> str:
    return f"{place}: {error}"


def _lines(text: str) -> Iterator[tuple[str, str]]:
    return ((f"line {number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Cut a list into its entries, as far as it goes: it was cut off, or one of them is no JSON."""
    decoder = json.JSONDecoder()
    position = 1
    for number in itertools.count(1):
        begin = _SPACE.match(text, position).end()  # type: ignore[union-attr]  # it matches nothing too
        try:
            end = decoder.raw_decode(text, begin)[1]
        except (ValueError, RecursionError):
            yield f"entry {number}", text[begin : begin + 200]
            return
        yield f"entry {number}", text[begin:end]
        position = _SPACE.match(text, end).end()  # type: ignore[union-attr]  # same
        if text[position : position + 1] != ",":
            return
        position += 1


def _decode(text: str) -> Any:
    """Decode JSON; ValueError where it is none.

    What programs write and JSON has not (NaN, numbers beyond all bounds, half a letter that was cut off) costs itself.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        with suppress(ValueError, RecursionError):
            return json.loads(text, parse_constant=lambda _: None)
        raise NoJson(text, error) from None


class NoJson(ValueError):
    """Worded only when it is told: there may be a million of them."""

    def __str__(self) -> str:
        text, error = self.args
        return f"no JSON ({str(error).removeprefix('JSON is malformed: ')}): {shorten(one_line(text), 80)}"


def _result(entry: Any, now: float) -> tuple[Result, tuple[Unread, ...]]:
    """Make a result of what was decoded, and say which metrics have no value; ValueError where it is none."""
    if not isinstance(entry, dict):
        raise ValueError(f'must be an object such as {{"status": "ok"}}, not {_format(entry)}')
    notes = [f"unknown field {_format(name)}: one of {', '.join(FIELDS)}" for name in entry if name not in FIELDS]
    metrics, unread = _metrics(entry.get("metrics"))
    notes += [one.reason for one in unread]
    result = Result(
        _status(entry, metrics, unread),
        one_line(_text(entry, "summary", SUMMARY_LENGTH, notes)) or metrics_text(metrics),
        subject_of(_text(entry, "subject", None, notes)),
        _text(entry, "details", DETAILS_LENGTH, notes),
        metrics,
    )
    return add_notes(_check_ttl(result, entry, now), notes[:8]), unread


def _status(entry: dict[str, Any], metrics: tuple[Metric, ...], unread: tuple[Unread, ...]) -> Status:
    status = entry.get("status")
    if status is None:
        if not any(metric.warning or metric.critical for metric in metrics):
            unknown = [_format(name) for name in entry if name not in FIELDS][:3]
            other = f"; unknown: {', '.join(unknown)}, known: {', '.join(FIELDS)}" if unknown else ""
            raise ValueError(f"neither a status nor a metric with a level{other}")
        # Levels that were not read might have said that something is wrong.
        return max(status_of(metrics), Status.NODATA if unread else Status.OK, key=WORST_LAST.index)
    if isinstance(status, str) and status.lower() in _WORDS:
        return Status(status.lower())
    if isinstance(status, int) and not isinstance(status, bool) and 0 <= status <= 3:
        return status_from_number(status)
    raise ValueError(f"status {_format(status)} is not ok, warning, critical or nodata")


def _metrics(value: Any) -> tuple[tuple[Metric, ...], tuple[Unread, ...]]:
    if value is None:
        return (), ()
    if not isinstance(value, dict):
        return (), (Unread(0, "", f'metrics must be an object such as {{"used": 5}}, not {_format(value)}'),)
    metrics: list[Metric] = []
    unread: list[Unread] = []
    for name, one in list(value.items())[: perfdata.METRICS_MAX]:
        try:
            metrics.append(_metric(printable(name), one if isinstance(one, dict) else {"value": one}))
        except ValueError as error:
            unread.append(Unread(len(metrics), printable(name), f"metric {_format(name)} not understood: {error}"))
    return tuple(metrics), tuple(unread)


def _metric(name: str, one: dict[str, Any]) -> Metric:
    """Make a metric; ValueError where it is none."""
    if wrong := [field for field in one if field not in _METRIC]:
        raise ValueError(f"unknown field {_format(wrong[0])}, one of {', '.join(_METRIC)}")
    value, unit = one.get("value"), one.get("unit") or ""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not isinstance(unit, str):
        raise ValueError(f"{_format(value)} is no number")
    limits = ";".join(str("" if one.get(field) is None else one[field]) for field in _METRIC[2:])
    return perfdata.metric(name, f"{value}{unit}", limits)


def _text(entry: dict[str, Any], field: str, length: int | None, notes: list[str]) -> str:
    text = entry.get(field)
    if text is None:
        return ""
    if not isinstance(text, str):
        if field == "subject":
            raise ValueError(f"subject {_format(text)} is no text")
        notes.append(f"{field} {_format(text)} is no text")
        return ""
    clean = printable(text).strip()
    return clean if length is None else shorten(clean, length)


def _check_ttl(result: Result, entry: dict[str, Any], now: float) -> Result:
    time: Any = entry.get("time")
    ttl: Any = entry.get("ttl")
    if time is None and ttl is None:
        return result
    if not _is_time(time) or not _is_time(ttl):
        raise ValueError("time and ttl must both be there, as numbers of seconds")
    return check_age(result, now - time, ttl)


def _is_time(number: Any) -> bool:
    return isinstance(number, (int, float)) and not isinstance(number, bool) and 0 <= number < 1e12


def _format(value: Any) -> str:
    try:
        return shorten(msgspec.json.encode(value).decode(), 60)
    except (UnicodeEncodeError, OverflowError):
        return shorten(json.dumps(value), 60)
