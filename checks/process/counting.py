"""Judges how many processes run, as far as that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.api import Level, Metric, Result, Status
from checks.process.matching import Selection
from checks.process.table import Table
from checks.process.uses import listing

if TYPE_CHECKING:
    from checks.process.check import Process


def judge_count(check: Process, selection: Selection, table: Table, name: str) -> Result:
    """Return the result about the number of processes; `name` is what they are called."""
    running = len(selection.rows)
    # A debugger stops a process for a moment (t), a signal until somebody lets it go on (T).
    stopped = sum(row.state == "T" for row in selection.rows)
    status = count_status(running, selection.unsure, check.min, check.max, stopped)
    summary = f"{name}: {running} running" + (f", {stopped} of them stopped" if stopped else "")
    if status is Status.CRITICAL:
        summary += _why(check, selection, running - stopped)
    elif status is Status.NODATA:
        summary += f" that the agent can be sure of: {selection.reason}"
    elif check.count_warning is not None and _is_passed(check.count_warning, running, selection.unsure):
        status = Status.WARNING
        summary += f" (warning from {check.count_warning})"
        summary = summary.replace("warning from", "warning range") if check.count_warning.plain is None else summary
    warning = "" if check.count_warning is None else check.count_warning.perfdata
    expected = f"{check.min}:{'' if check.max is None else check.max}"
    if selection.hint and status is not Status.CRITICAL:
        summary += f": {selection.hint}"
    metric = Metric("count", running, warning=warning, critical=expected, minimum=0)
    return Result(status, summary, "", listing(selection.rows, table) if status is not Status.OK else "", (metric,))


def _why(check: Process, selection: Selection, at_work: int) -> str:
    if at_work >= check.min:
        return f" (at most {check.max} expected)"
    # A zombie has neither a program nor a command line: it may be one of these or any other.
    may_count_zombies = not (check.exe or check.match or check.exclude)
    zombies = f", {len(selection.zombies)} zombie" if selection.zombies and may_count_zombies else ""
    note = selection.note or selection.hint
    return f" (at least {check.min} expected){zombies}" + (f": {note}" if note else "")


def _is_passed(level: Level, running: int, unsure: float) -> bool:
    """Tell whether the level is passed, whichever of the unsure ones are meant."""
    return level.passed_by(running) and level.passed_by(running + unsure)


def count_status(running: int, unsure: float, least: int, most: int | None, stopped: int = 0) -> Status:
    """Judge `running` processes, of which there may be `unsure` more. Those that are `stopped` do no work."""
    at_work = running - stopped
    if at_work + unsure < least or (most is not None and running > most):
        return Status.CRITICAL
    if at_work < least or (most is not None and running + unsure > most):
        return Status.NODATA
    return Status.OK
