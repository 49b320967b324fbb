"""What a script says that speaks of many subjects: the results, and the lines that could not be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

import msgspec

from agent.api import Metric, Result, Status, duration_text, nodata
from checks.script.perfdata import Unread
from checks.script.text import one_line, shorten

FAULTS_MAX = 3
SUBJECT_LENGTH = 600


class Report(NamedTuple):
    """What a script printed: one result a line, in order."""

    results: tuple[Result, ...]
    unread: tuple[tuple[Unread, ...], ...]
    """Which metrics of each result have no value."""
    faults: tuple[str, ...]
    """Why the first few lines could not be read, each with its number."""
    fault_count: int
    """How many lines could not be read."""


class ReportBuilder:
    """Gathers what the lines say. Of a million bad lines a few texts and a number are kept."""

    def __init__(self) -> None:
        self._results: list[Result] = []
        self._unread: list[tuple[Unread, ...]] = []
        self._faults: list[str] = []
        self._fault_count = 0

    def add(self, result: Result, unread: tuple[Unread, ...]) -> None:
        self._results.append(result)
        self._unread.append(unread)

    def add_fault(self, describe: Callable[[], str]) -> None:
        self._fault_count += 1
        if self._fault_count <= FAULTS_MAX:
            self._faults.append(describe())

    def report(self) -> Report:
        return Report(tuple(self._results), tuple(self._unread), tuple(self._faults), self._fault_count)


def line_fault(number: int, reason: str, line: str) -> str:
    return f"line {number}: {reason}: {shorten(one_line(line), 80)}"


def subject_of(text: str) -> str:
    """Return a subject's name, bounded in a way that leaves two names two."""
    name = one_line(text)
    return (
        name if len(name) <= SUBJECT_LENGTH else f"{name[:SUBJECT_LENGTH]}…~{crc32(name.encode(errors='replace')):08x}"
    )


def faults_text(report: Report) -> str:
    """Word the faults in one line; empty where there are none."""
    more = f"; and {report.fault_count - len(report.faults)} more" if report.fault_count > len(report.faults) else ""
    return "; ".join(report.faults) + more


def check_age(result: Result, age: float, most: float) -> Result:
    """Return the result, or nodata where it is older, or from further in the future, than `most` (seconds)."""
    if -most <= age <= most:
        return result
    how = f"{duration_text(age)} old" if age > 0 else f"dated {duration_text(-age)} in the future"
    old = nodata(f"{how}, at most {duration_text(most)} are allowed; it was {result.status.value}: {result.summary}")
    return msgspec.structs.replace(result, status=old.status, summary=old.summary, metrics=())


def add_notes(result: Result, notes: list[str]) -> Result:
    """Add what could not be read to the details."""
    if not notes:
        return result
    return msgspec.structs.replace(result, details="\n".join(filter(None, (result.details, *notes))))


def metrics_text(metrics: tuple[Metric, ...]) -> str:
    """Word metrics where there is no text."""
    return ", ".join(f"{metric.name} {metric.value:.6g}{metric.unit}" for metric in metrics[:5]) or "no text"


def status_from_number(number: int) -> Status:
    return (Status.OK, Status.WARNING, Status.CRITICAL, Status.NODATA)[number]
