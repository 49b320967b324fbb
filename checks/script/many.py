"""What a script says that speaks of many subjects: the results, and the lines that could not be read."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from agent.api import Metric, Result, Status, duration_text, nodata
from checks.script.text import shortened

TOLD_MAX = 3
SUBJECT_LENGTH = 200


class Said(NamedTuple):
    """One result a line, in order."""

    results: tuple[Result, ...]
    faults: tuple[str, ...]
    """Why lines could not be read, each with its number."""


def line_fault(number: int, reason: str, line: str) -> str:
    return f"line {number}: {reason}: {shortened(line.strip(), 80)}"


def faults_text(faults: tuple[str, ...]) -> str:
    """Word the faults in one line; empty where there are none."""
    more = f"; and {len(faults) - TOLD_MAX} more" if len(faults) > TOLD_MAX else ""
    return "; ".join(faults[:TOLD_MAX]) + more


def aged(result: Result, age: float, most: float) -> Result:
    """Return the result, or nodata where it is older, or from further in the future, than `most` (seconds)."""
    if -most <= age <= most:
        return result
    how = f"{duration_text(age)} old" if age > 0 else f"dated {duration_text(-age)} in the future"
    old = nodata(f"{how}, at most {duration_text(most)} are allowed; it was {result.status.value}: {result.summary}")
    return msgspec.structs.replace(result, status=old.status, summary=old.summary, metrics=())


def noted(result: Result, notes: list[str]) -> Result:
    """Add what could not be read to the details."""
    if not notes:
        return result
    return msgspec.structs.replace(result, details="\n".join(filter(None, (result.details, *notes))))


def said_by(metrics: tuple[Metric, ...]) -> str:
    """Word metrics where there is no text."""
    return ", ".join(f"{metric.name} {metric.value:.6g}{metric.unit}" for metric in metrics[:5]) or "no text"


def status_numbered(number: int) -> Status:
    return (Status.OK, Status.WARNING, Status.CRITICAL, Status.NODATA)[number]
