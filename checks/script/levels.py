"""What the levels of metrics say: those a script prints with its numbers, and those of the settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from agent.api import Level, Metric, Range, Result, Status, judge
from checks.script.perfdata import Unread
from checks.script.text import shorten

WORST_LAST = (Status.OK, Status.NODATA, Status.WARNING, Status.CRITICAL)


class Levels(NamedTuple):
    """The levels of the settings, and which metric they are about."""

    warning: Level | None = None
    critical: Level | None = None
    metric: str = ""
    """Its name; empty: the first."""

    @property
    def none(self) -> bool:
        return self.warning is None and self.critical is None


def status_of(metrics: Iterable[Metric]) -> Status:
    """Return what the metrics' own levels say; ok where there are none."""
    metrics = tuple(metrics)
    if any(metric.critical and Range.parse(metric.critical).alerts(metric.value) for metric in metrics):
        return Status.CRITICAL
    if any(metric.warning and Range.parse(metric.warning).alerts(metric.value) for metric in metrics):
        return Status.WARNING
    return Status.OK


def apply_levels(result: Result, unread: Sequence[Unread], levels: Levels) -> Result:
    """Judge the metric that the levels are about; the worse of both verdicts counts.

    Where it has no value, nobody knows whether a level is passed: that is nodata, and never the next metric's turn.
    """
    if levels.none:
        return result
    at = _place(result.metrics, unread, levels.metric)
    if isinstance(at, str):
        return _add_reason(result, at)
    metric = result.metrics[at]
    ours = judge(
        metric.name,
        metric.value,
        levels.warning,
        levels.critical,
        unit=metric.unit,
        minimum=metric.minimum,
        maximum=metric.maximum,
    )
    worse = WORST_LAST.index(ours.status) > WORST_LAST.index(result.status)
    return msgspec.structs.replace(
        result,
        status=ours.status if worse else result.status,
        summary=f"{ours.summary}, {result.summary}" if worse else result.summary,
        metrics=(*result.metrics[:at], *ours.metrics, *result.metrics[at + 1 :]),
    )


def _place(metrics: Sequence[Metric], unread: Sequence[Unread], name: str) -> int | str:
    """Return which metric is to be judged, or why none can be."""
    if not name:
        first = next((one for one in unread if one.at == 0), None)
        if first:
            return f"its first metric has no value ({first.reason})"
        return 0 if metrics else "it printed no metric to hold against the levels"
    at = next((at for at, metric in enumerate(metrics) if metric.name == name), None)
    missing = next((one for one in unread if one.name == name), None)
    if missing and (at is None or missing.at <= at):
        return f"its metric {_quote(name)} has no value ({missing.reason})"
    if at is None:
        names = ", ".join(_quote(metric.name) for metric in metrics[:5])
        return f"it printed no metric called {_quote(name)}" + (f", only {names}" if names else "")
    return at


def _quote(name: str) -> str:
    return f"'{shorten(name, 60)}'"


def _add_reason(result: Result, reason: str) -> Result:
    if result.status is Status.OK:
        return msgspec.structs.replace(result, status=Status.NODATA, summary=f"{reason}; {result.summary}")
    if result.status is Status.NODATA:
        return result
    details = "\n".join(filter(None, (result.details, f"the levels were not applied: {reason}")))
    return msgspec.structs.replace(result, details=details)
