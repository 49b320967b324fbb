"""Judges how many processes run, as far as that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.api import Level, Metric, Result, Status
from checks.process.matching import Found
from checks.process.table import Table
from checks.process.uses import listing

if TYPE_CHECKING:
    from checks.process.check import Process


def counted(check: Process, found: Found, table: Table, name: str) -> Result:
    """Return the result about the number of processes; `name` is what they are called."""
    running = len(found.rows)
    status = count_status(running, found.unsure, check.min, check.max)
    summary = f"{name}: {running} running"
    if stopped := sum(row.state in "Tt" for row in found.rows):
        summary += f", {stopped} of them stopped"
    if status is Status.CRITICAL:
        summary += _why(check, found, running)
    elif status is Status.NODATA:
        summary += f" that the agent can be sure of: {found.reason}"
    elif check.count_warning is not None and _passed(check.count_warning, running, found.unsure):
        status = Status.WARNING
        summary += f" (warning from {check.count_warning})"
        summary = summary.replace("warning from", "warning range") if check.count_warning.plain is None else summary
    warning = "" if check.count_warning is None else check.count_warning.perfdata
    expected = f"{check.min}:{'' if check.max is None else check.max}"
    metric = Metric("count", running, warning=warning, critical=expected, minimum=0)
    return Result(status, summary, "", listing(found.rows, table) if status is not Status.OK else "", (metric,))


def _why(check: Process, found: Found, running: int) -> str:
    if running >= check.min:
        return f" (at most {check.max} expected)"
    # A zombie has neither a program nor a command line: it may be one of these or any other.
    known = not (check.exe or check.match or check.exclude)
    zombies = f", {len(found.zombies)} zombie" if found.zombies and known else ""
    return f" (at least {check.min} expected){zombies}" + (f": {found.note}" if found.note else "")


def _passed(level: Level, running: int, unsure: float) -> bool:
    """Tell whether the level is passed, whichever of the unsure ones are meant."""
    return level.passed_by(running) and level.passed_by(running + unsure)


def count_status(running: int, unsure: float, least: int, most: int | None) -> Status:
    """Judge `running` processes, of which there may be `unsure` more."""
    if running + unsure < least or (most is not None and running > most):
        return Status.CRITICAL
    if running < least or (most is not None and running + unsure > most):
        return Status.NODATA
    return Status.OK
