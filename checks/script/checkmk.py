"""The lines of a Checkmk local check: each is a service, which is a subject here.

Source: Checkmk User Guide, "Local checks".
"""

from __future__ import annotations

import math
import re
from functools import partial

from agent.api import Metric, Result, Status
from checks.script import perfdata
from checks.script.levels import WORST_LAST
from checks.script.many import (
    Report,
    ReportBuilder,
    add_notes,
    check_age,
    line_fault,
    metrics_text,
    status_from_number,
    subject_of,
)
from checks.script.nagios import DETAILS_LENGTH, SUMMARY_LENGTH
from checks.script.perfdata import Unread
from checks.script.text import one_line, shorten

STALE = 1.5
"""A cached line may be so many intervals old: it is renewed only after one has passed."""

_LINE = re.compile(
    r"""(?:cached\((?P<epoch>[0-9]{1,12}),(?P<interval>[0-9]{1,9})\)\s+)?
    (?P<state>[0-3P])\s+
    (?:"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<plain>[^\s"'][^\s]*))\s+
    (?P<metrics>\S+)(?:\s+(?P<text>.*))?""",
    re.VERBOSE,
)
# No digits in a unit, or 0x1f would be read as 0.
_NUMBER = re.compile(r"([-+]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?)[a-zA-Z%°µμΩ/]*")
# What a blank behind a number or a `;` tore off: `MB;5;10`, `20; 30`, `;5`.
_TORN = re.compile(r"(?:[KMGTPkm]?i?[Bb]|[a-z]|%)?;\s?[-+]?[0-9]|[-+]?[0-9][0-9.,:]*%?;")
_CACHED = re.compile(r"cached\([0-9]{1,12},[0-9]{1,9}\)\s+")


def parse(text: str, now: float) -> Report:
    """Read every line; a bad one hides no other. `now` in Unix seconds. Never raises."""
    builder = ReportBuilder()
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped:
            continue
        match = _LINE.fullmatch(stripped)
        if match:
            builder.add(*_result(match, now))
        else:
            builder.add_fault(partial(_line_fault, number, stripped))
    return builder.report()


def _line_fault(number: int, line: str) -> str:
    return line_fault(number, _fault(line), line)


def _fault(line: str) -> str:
    if line.startswith("cached(") and not _CACHED.match(line):
        return "must begin with cached(epoch,interval) in whole seconds and a space"
    if not re.match(r"[0-3P](\s|$)", _CACHED.sub("", line, count=1)):
        return "must begin with the state 0, 1, 2, 3 or P and a space"
    return "after the state must come a name (in quotes where it holds spaces), and metrics or a - for none"


def _result(match: re.Match[str], now: float) -> tuple[Result, tuple[Unread, ...]]:
    metrics, status, unread = _metrics(match["metrics"])
    summary, _, details = (match["text"] or "").replace("\\n", "\n").strip().partition("\n")
    summary = shorten(one_line(summary), SUMMARY_LENGTH) or metrics_text(metrics)
    notes = [one.reason for one in unread][:8]
    if match["state"] != "P":
        status = status_from_number(int(match["state"]))
    elif status is Status.OK and match["metrics"] != "-" and _TORN.match(match["text"] or ""):
        status, summary = Status.NODATA, f"a blank within the metrics, their levels are not read: {summary}"
    elif notes and status is Status.OK:
        # Unread levels might have said that something is wrong.
        status, summary = Status.NODATA, f"{notes[0]}; {summary}"
    name = match["double"] or match["single"] or match["plain"]
    result = Result(
        status,
        shorten(summary, SUMMARY_LENGTH),
        subject_of(name),
        shorten(details, DETAILS_LENGTH),
        metrics,
    )
    if match["epoch"]:
        result = check_age(result, now - int(match["epoch"]), STALE * int(match["interval"]))
    return add_notes(result, notes), unread


def _metrics(text: str) -> tuple[tuple[Metric, ...], Status, tuple[Unread, ...]]:
    """Return the metrics, what their levels say, and which of them could not be read."""
    metrics: list[Metric] = []
    unread: list[Unread] = []
    worst = Status.OK
    items = text.split("|") if text != "-" else []
    for item in items:
        try:
            metric, status = _metric(item)
        except ValueError:
            reason = f"metric not understood: {shorten(item, 80)}"
            unread.append(Unread(len(metrics), item.partition("=")[0], reason))
            continue
        metrics.append(metric)
        worst = max(worst, status, key=WORST_LAST.index)
    return tuple(metrics[: perfdata.METRICS_MAX]), worst, tuple(unread)


def _metric(item: str) -> tuple[Metric, Status]:
    """Read `id=value;warn;crit;min;max`; ValueError where it is none."""
    name, _, rest = item.partition("=")
    value, warning, critical, minimum, maximum, *more = [*rest.split(";"), "", "", "", ""]
    if not name or any(more):
        raise ValueError(item)
    number = _number(value)
    warn, crit = _levels(warning), _levels(critical)
    status = Status.CRITICAL if _is_beyond(number, crit) else Status.WARNING if _is_beyond(number, warn) else Status.OK
    return Metric(
        name=name,
        value=number,
        unit="",
        warning=_range(warn),
        critical=_range(crit),
        minimum=_parse_bound(minimum),
        maximum=_parse_bound(maximum),
    ), status


def _parse_bound(text: str) -> float | None:
    return _number(text) if text else None


def _number(text: str) -> float:
    """Read a number; its unit is dropped, as Checkmk does, and its comma may be a decimal one. ValueError for none."""
    match = _NUMBER.fullmatch(text)
    number = float(match[1].replace(",", ".")) if match else math.inf
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _levels(text: str) -> tuple[float, float]:
    """Return the lower and the upper level."""
    lower, _, upper = text.rpartition(":")
    return _number(lower) if lower else -math.inf, _number(upper) if upper else math.inf


def _is_beyond(number: float, levels: tuple[float, float]) -> bool:
    """In Checkmk the upper level itself is bad already, the lower one is not."""
    return number < levels[0] or number >= levels[1]


def _range(levels: tuple[float, float]) -> str:
    """Write levels as performance data do."""
    lower, upper = levels
    if math.isinf(lower) and math.isinf(upper):
        return ""
    return f"{'~' if math.isinf(lower) else f'{lower:.12g}'}:{'' if math.isinf(upper) else f'{upper:.12g}'}"
