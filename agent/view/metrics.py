"""The Snapshot for Prometheus: stable names, base units, one sample for each set of labels.

Names are fixed; what a check is called, and what its metrics are, stands in labels: a name that somebody's script made
up must neither break the others nor make a family of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent import __version__
from agent.model import Metric, Status
from agent.view.exposition import Family, Labels, text
from agent.view.snapshot import Snapshot, SubjectView

CODES = {Status.OK: 0, Status.WARNING: 1, Status.CRITICAL: 2, Status.NODATA: 3}
"""As a plugin exits."""
UNITS = {
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "us": ("seconds", 1e-6),
    "B": ("bytes", 1.0),
    "%": ("ratio", 0.01),
}
SUBJECT = ("check", "subject", "type")
DESTINATION = ("destination",)


def exposition(snapshot: Snapshot) -> bytes:
    """Return the text that Prometheus, or node_exporter's textfile collector, reads."""
    return text(families(snapshot))


def families(snapshot: Snapshot) -> Iterator[Family]:
    """Yield what the Snapshot says, by the name of what is measured."""
    subjects = snapshot.subjects
    yield from _agent(snapshot)
    yield from _destinations(snapshot)
    yield from _checks(subjects)
    yield from _check_metrics(subjects)


def _agent(snapshot: Snapshot) -> Iterator[Family]:
    version = {(__version__,): 1.0}
    yield _gauge("hostvigil_info", "The version of the command that wrote this.", ("version",), version)
    agent = snapshot.agent
    yield _gauge("hostvigil_up", "1: an agent is at work.", (), {(): float(agent.running)})
    if agent.running:
        start = {(): agent.since / 1000}
        yield _gauge("hostvigil_start_time_seconds", "When the agent began, Unix time.", (), start)
    problems = {(): float(len(agent.problems))}
    yield _gauge("hostvigil_configuration_problems", "Problems of the configuration's files now.", (), problems)


def _destinations(snapshot: Snapshot) -> Iterator[Family]:
    rows = {one.name: one for one in snapshot.destinations}
    waiting = {(name,): float(one.waiting) for name, one in rows.items()}
    yield _gauge("hostvigil_destination_waiting", "Notifications still to be told.", DESTINATION, waiting)
    refusals = {(name,): float(one.refused) for name, one in rows.items()}
    yield _gauge("hostvigil_destination_refused", "Notifications that were refused, set aside.", DESTINATION, refusals)
    oldest = {(name,): one.oldest / 1000 for name, one in rows.items() if one.oldest}
    text = "When the oldest that waits was observed, Unix time."
    yield _gauge("hostvigil_destination_oldest_timestamp_seconds", text, DESTINATION, oldest)
    last = {(name,): one.delivered_at / 1000 for name, one in rows.items() if one.delivered_at}
    text = "When it took something last, Unix time."
    yield _gauge("hostvigil_destination_last_delivery_timestamp_seconds", text, DESTINATION, last)


def _checks(subjects: Iterable[SubjectView]) -> Iterator[Family]:
    rows = {_labels(one): one for one in subjects}
    ran = {labels: one for labels, one in rows.items() if one.last_run}
    status = {labels: float(CODES[one.status]) for labels, one in rows.items()}
    yield _gauge("hostvigil_check_status", "What is decided: 0 ok, 1 warning, 2 critical, 3 nodata.", SUBJECT, status)
    since = {labels: one.since / 1000 for labels, one in rows.items() if one.since}
    yield _gauge("hostvigil_check_status_since_timestamp_seconds", "Since when, Unix time.", SUBJECT, since)
    last = {labels: one.last_run / 1000 for labels, one in ran.items()}
    yield _gauge("hostvigil_check_last_run_timestamp_seconds", "When the last result came, Unix time.", SUBJECT, last)
    took = {labels: one.duration for labels, one in ran.items()}
    yield _gauge("hostvigil_check_run_duration_seconds", "How long the last run took.", SUBJECT, took)
    late = {labels: one.late for labels, one in ran.items()}
    yield _gauge("hostvigil_check_late_seconds", "How long ago the next run was due; 0: it is not late.", SUBJECT, late)
    marks = {(*labels, str(mark)): 1.0 for labels, one in rows.items() for mark in one.marks}
    yield _gauge("hostvigil_check_mark", "1 for each mark: silenced, flapping, late ...", (*SUBJECT, "mark"), marks)
    events = {labels: float(one.state.events) for labels, one in rows.items()}
    yield Family("hostvigil_check_events_total", "counter", "Events of this subject so far.", SUBJECT, events)


def _check_metrics(subjects: Iterable[SubjectView]) -> Iterator[Family]:
    """Yield each check's own metrics, one family for each base unit."""
    by_unit: dict[str, dict[Labels, float]] = {"seconds": {}, "bytes": {}, "ratio": {}, "": {}}
    for one in subjects:
        for metric in one.metrics:
            unit, factor = UNITS.get(metric.unit, ("", 1.0))
            by_unit[unit][_metric_labels(one, metric, unit)] = metric.value * factor
    for unit, values in by_unit.items():
        name = f"hostvigil_metric_{unit}" if unit else "hostvigil_metric"
        labels = (*SUBJECT, "metric") if unit else (*SUBJECT, "metric", "unit")
        yield _gauge(name, f"What checks measured{f', in {unit}' if unit else ''}.", labels, values)


def _metric_labels(one: SubjectView, metric: Metric, unit: str) -> Labels:
    labels = (*_labels(one), metric.name)
    return labels if unit else (*labels, metric.unit)


def _labels(one: SubjectView) -> Labels:
    return one.check, one.subject, one.type


def _gauge(name: str, text: str, labels: Labels, values: Mapping[Any, float]) -> Family:
    return Family(name, "gauge", text, labels, values)
