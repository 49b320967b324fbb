"""Results written as JSON: one object, a list of objects, or an object a line.

{"status": "warning", "summary": "3 orders wait", "subject": "shop", "details": "...",
 "metrics": {"waiting": {"value": 3, "unit": "", "warning": "2", "critical": "10", "min": 0, "max": 100}, "age": 4.5},
 "time": 1700000000, "ttl": 300}

`status` is ok, warning, critical or nodata, or the number of a plugin's exit code; without it the levels of the
metrics decide, so then one of them must have a level. `time` (Unix seconds) is when it was found out, `ttl` (seconds)
how old it may become. All but the status may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from agent.api import Metric, Result, Status
from checks.script import perfdata
from checks.script.levels import WORST_LAST, status_of
from checks.script.many import SUBJECT_LENGTH, Said, aged, noted, said_by, status_numbered
from checks.script.nagios import DETAILS_LENGTH, SUMMARY_LENGTH
from checks.script.text import printable, shortened

KNOWN = ("status", "summary", "subject", "details", "metrics", "time", "ttl")
_WORDS = {status.value for status in Status}
_METRIC = ("value", "unit", "warning", "critical", "min", "max")


def parse(text: str, now: float) -> Said:
    """Read every result; a bad one hides no other. `now` in Unix seconds. Never raises."""
    results: list[Result] = []
    faults: list[str] = []
    for place, found in _objects(text):
        try:
            if isinstance(found, ValueError):
                raise found
            results.append(_result(found, now))
        except ValueError as error:
            faults.append(f"{place}: {error}")
    return Said(tuple(results), tuple(faults))


def _objects(text: str) -> Iterable[tuple[str, Any]]:
    """Return what was printed, each with its place; a ValueError stands for what is no JSON."""
    whole = _decoded(text)
    if isinstance(whole, list):
        return [(f"entry {number}", one) for number, one in enumerate(whole, 1)]
    if not isinstance(whole, ValueError) or "\n" not in text.strip():
        return [("the output", whole)]
    lines = enumerate(text.split("\n"), 1)
    return [(f"line {number}", _decoded(line)) for number, line in lines if line.strip()]


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return ValueError(f"no JSON ({str(error).removeprefix('JSON is malformed: ')}): {shortened(text.strip(), 80)}")


def _result(found: Any, now: float) -> Result:
    """Make a result of what was decoded; ValueError where it is none."""
    if not isinstance(found, dict):
        raise ValueError(f'must be an object such as {{"status": "ok"}}, not {_shown(found)}')
    notes = [f"unknown field {_shown(name)}: one of {', '.join(KNOWN)}" for name in found if name not in KNOWN]
    metrics = tuple(_metrics(found.get("metrics"), notes))
    result = Result(
        _status(found, metrics),
        _text(found, "summary", SUMMARY_LENGTH, notes).replace("\n", " ") or said_by(metrics),
        _text(found, "subject", SUBJECT_LENGTH, notes).replace("\n", " "),
        _text(found, "details", DETAILS_LENGTH, notes),
        metrics,
    )
    return noted(_aged(result, found, now), notes[:8])


def _status(found: dict[str, Any], metrics: tuple[Metric, ...]) -> Status:
    status = found.get("status")
    if status is None:
        if not any(metric.warning or metric.critical for metric in metrics):
            raise ValueError("neither a status nor a metric with a level")
        # Levels that were not read might have said that something is wrong.
        unread = len(metrics) < len(found["metrics"])
        return max(status_of(metrics), Status.NODATA if unread else Status.OK, key=WORST_LAST.index)
    if isinstance(status, str) and status.lower() in _WORDS:
        return Status(status.lower())
    if isinstance(status, int) and not isinstance(status, bool) and 0 <= status <= 3:
        return status_numbered(status)
    raise ValueError(f"status {_shown(status)} is not ok, warning, critical or nodata")


def _metrics(found: Any, notes: list[str]) -> Iterable[Metric]:
    if found is None:
        return
    if not isinstance(found, dict):
        notes.append(f'metrics must be an object such as {{"used": 5}}, not {_shown(found)}')
        return
    for name, one in list(found.items())[: perfdata.METRICS_MAX]:
        try:
            yield _metric(printable(name), one if isinstance(one, dict) else {"value": one})
        except ValueError as error:
            notes.append(f"metric {_shown(name)} not understood: {error}")


def _metric(name: str, one: dict[str, Any]) -> Metric:
    """Make a metric; ValueError where it is none."""
    if wrong := [field for field in one if field not in _METRIC]:
        raise ValueError(f"unknown field {_shown(wrong[0])}, one of {', '.join(_METRIC)}")
    value, unit = one.get("value"), one.get("unit") or ""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not isinstance(unit, str):
        raise ValueError(f"{_shown(value)} is no number")
    limits = ";".join(str("" if one.get(field) is None else one[field]) for field in _METRIC[2:])
    return perfdata.metric(name, f"{value}{unit}", limits)


def _text(found: dict[str, Any], field: str, length: int, notes: list[str]) -> str:
    text = found.get(field)
    if text is None:
        return ""
    if not isinstance(text, str):
        if field == "subject":
            raise ValueError(f"subject {_shown(text)} is no text")
        notes.append(f"{field} {_shown(text)} is no text")
        return ""
    return shortened(printable(text).strip(), length)


def _aged(result: Result, found: dict[str, Any], now: float) -> Result:
    time: Any = found.get("time")
    ttl: Any = found.get("ttl")
    if time is None and ttl is None:
        return result
    if not _is_time(time) or not _is_time(ttl):
        raise ValueError("time and ttl must both be there, as numbers of seconds")
    return aged(result, now - time, ttl)


def _is_time(number: Any) -> bool:
    return isinstance(number, (int, float)) and not isinstance(number, bool) and 0 <= number < 1e12


def _shown(found: Any) -> str:
    return shortened(msgspec.json.encode(found).decode(), 60)
