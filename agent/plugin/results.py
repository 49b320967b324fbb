"""Pure: what a check yielded -> one bounded result a subject."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from agent.model import SEVERITY, Metric, Result, Status

SUMMARY_LIMIT = 1000
DETAILS_LIMIT = 10_000
SUBJECTS_LIMIT = 1000
METRICS_LIMIT = 200
"""A subject's. The limits keep one mad check from filling the memory or the database of all others."""


def gathered(yielded: Iterable[Any]) -> tuple[Result, ...]:
    """Merge what a run yielded into one result a subject; nothing but metrics, or nothing, is nodata.

    TypeError for anything that is neither a Result nor a Metric: a bug of the check.
    """
    by_subject: dict[str, list[Result]] = {}
    metrics: dict[str, list[Metric]] = {}
    for one in yielded:
        if isinstance(one, Result):
            by_subject.setdefault(one.subject, []).append(one)
        elif isinstance(one, Metric):
            metrics.setdefault(one.subject, []).append(one)
        else:
            raise TypeError(f"run() yielded {one!r:.80}, which is neither a Result nor a Metric")
    if not by_subject:
        by_subject[""] = [Result(Status.NODATA, "the check said nothing")]
    if len(by_subject) > SUBJECTS_LIMIT:
        return (Result(Status.NODATA, f"{len(by_subject)} subjects are more than {SUBJECTS_LIMIT}"),)
    return tuple(merged(results, metrics.get(subject, [])) for subject, results in by_subject.items())


def merged(results: list[Result], metrics: list[Metric]) -> Result:
    """Merge the results of one subject: the worst status, the summaries that explain it first."""
    worst_first = sorted(results, key=lambda result: -SEVERITY[Status(result.status)])
    every = [metric for result in results for metric in result.metrics] + metrics
    return Result(
        Status(worst_first[0].status),
        _bounded(", ".join(result.summary for result in worst_first if result.summary), SUMMARY_LIMIT),
        _storable(str(results[0].subject)),
        _bounded("\n".join(result.details for result in worst_first if result.details), DETAILS_LIMIT),
        tuple(_storable_metric(metric) for metric in every if math.isfinite(metric.value))[:METRICS_LIMIT],
    )


def scrubbed(result: Result, scrub: Callable[[str], str]) -> Result:
    """Take secrets out of every text of a result."""
    return Result(
        result.status,
        scrub(result.summary),
        scrub(result.subject),
        scrub(result.details),
        tuple(msgspec.structs.replace(metric, name=scrub(metric.name)) for metric in result.metrics),
    )


def _bounded(text: str, limit: int) -> str:
    return _storable(text if len(text) <= limit else text[: limit - 1] + "…")


def _storable_metric(metric: Metric) -> Metric:
    if metric.name.isascii() and metric.subject.isascii():
        return metric
    return msgspec.structs.replace(metric, name=_storable(metric.name), subject=_storable(metric.subject))


def _storable(text: str) -> str:
    """Write what is no character (a file name that is not UTF-8) as an escape: no database takes it as it is."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
