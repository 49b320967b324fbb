"""What the processes of a check use and how they are, each as one number, its words and whom it is about."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.api import Context, duration_text, size_text
from checks.process import changes
from checks.process.matching import Selection
from checks.process.row import Row
from checks.process.table import Table

if TYPE_CHECKING:
    from checks.process.check import Process

LISTED = 10


class Inputs(NamedTuple):
    """What a use is measured of."""

    check: Process
    selection: Selection
    table: Table
    memory: dict[str, Any]
    ctx: Context


class Use(NamedTuple):
    """A number; when it is too high, the processes `about` are named, those with most `by` first."""

    value: float
    words: str
    about: list[Row]
    by: Callable[[Row], float]
    unit: str = ""


def rss(inputs: Inputs) -> Use:
    value = sum([row.numbers.rss for row in inputs.selection.rows])
    return Use(value, f"{size_text(value)} RSS", inputs.selection.rows, lambda row: row.rss, "B")


def pss(inputs: Inputs) -> Use:
    """Memory, with what processes share counted once; PermissionError where it may not be seen."""
    counts: dict[int, int] = {}

    def read() -> None:
        for row in inputs.selection.rows:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since the scan
                counts[row.pid] = row.pss()

    # The kernel waits for the memory map of a process, as for a command line.
    inputs.ctx.call(f"pss for {inputs.ctx.check}", read)
    value = sum(counts.values())
    return Use(value, f"{size_text(value)} PSS", inputs.selection.rows, lambda row: counts.get(row.pid, 0), "B")


def threads(inputs: Inputs) -> Use:
    value = sum([row.numbers.threads for row in inputs.selection.rows])
    return Use(value, f"{value} threads", inputs.selection.rows, lambda row: row.threads)


def age(inputs: Inputs) -> Use | None:
    """Age of the oldest process, in seconds."""
    rows = inputs.selection.rows
    if not rows:
        return None
    value = max(0.0, inputs.table.now - min(row.started_at for row in rows))
    words = f"{'oldest ' if len(rows) > 1 else ''}started {duration_text(value)} ago"
    return Use(value, words, rows, lambda row: -row.started_at, "s")


def cpu(inputs: Inputs) -> Use | None:
    value = changes.cpu_percent(inputs.memory, inputs.selection.rows, inputs.table.now)
    return None if value is None else Use(value, f"{value:.3g}% CPU", inputs.selection.rows, lambda row: row.cpu, "%")


def open_files(inputs: Inputs) -> Use | None:
    """Open files of the process with most; PermissionError where they may not be seen."""
    counts: dict[int, int] = {}
    for row in inputs.selection.rows:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since the scan
            counts[row.pid] = row.open_files()
    if not counts:
        return None
    most = max(counts.values())
    return Use(most, f"{most} open files", inputs.selection.rows, lambda row: counts.get(row.pid, 0))


def zombies(inputs: Inputs) -> Use:
    rows = inputs.selection.zombies
    return Use(len(rows), "1 zombie" if len(rows) == 1 else f"{len(rows)} zombies", rows, lambda row: -row.started_at)


def stuck(inputs: Inputs) -> Use:
    rows = changes.stuck(inputs.memory, inputs.selection.rows, inputs.table.now, inputs.check.stuck_after)
    return Use(len(rows), f"{len(rows)} stuck in state D", rows, lambda row: -row.started_at)


USES: dict[str, Callable[[Inputs], Use | None]] = {
    function.__name__: function for function in (rss, pss, cpu, threads, open_files, age, zombies, stuck)
}
ALWAYS = ("rss", "threads", "age")
"""Cost nothing beyond the scan, so they are metrics without levels too."""


def listing(rows: list[Row], table: Table) -> str:
    """Name processes for people; never their command lines, which hold secrets."""
    lines = [_line(row, table) for row in rows[:LISTED]]
    if len(rows) > LISTED:
        lines.append(f"and {len(rows) - LISTED} more")
    return "\n".join(lines)


def _line(row: Row, table: Table) -> str:
    line = f"{row.pid} {_name(row)}: state {row.state}, {duration_text(max(0.0, table.now - row.started_at))} old"
    parent = table.by_pid.get(row.parent)
    if row.zombie:
        return f"{line}, parent {row.parent} {_name(parent) if parent else ''}".rstrip()
    with contextlib.suppress(PermissionError):  # of other users' processes on macOS
        line += f", {size_text(row.rss)} RSS"
    return line


def _name(row: Row) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in row.name.decode("utf-8", "replace"))
