"""What the levels of metrics say: those a script prints with its numbers, and those of the settings."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agent.api import Level, Metric, Range, Result, Status, judge

WORST_LAST = (Status.OK, Status.NODATA, Status.WARNING, Status.CRITICAL)


def status_of(metrics: Iterable[Metric]) -> Status:
    """Return what the metrics' own levels say; ok where there are none."""
    metrics = tuple(metrics)
    if any(metric.critical and Range.parse(metric.critical).alerts(metric.value) for metric in metrics):
        return Status.CRITICAL
    if any(metric.warning and Range.parse(metric.warning).alerts(metric.value) for metric in metrics):
        return Status.WARNING
    return Status.OK


def judged(result: Result, warning: Level | None, critical: Level | None) -> Result:
    """Judge the first metric of a result by the levels of the settings; the worse of both verdicts counts."""
    if not result.metrics or (warning is None and critical is None):
        return result
    first, *others = result.metrics
    ours = judge(
        first.name, first.value, warning, critical, unit=first.unit, minimum=first.minimum, maximum=first.maximum
    )
    worse = WORST_LAST.index(ours.status) > WORST_LAST.index(result.status)
    return msgspec.structs.replace(
        result,
        status=ours.status if worse else result.status,
        summary=f"{ours.summary}, {result.summary}" if worse else result.summary,
        metrics=(*ours.metrics, *others),
    )
