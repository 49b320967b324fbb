"""hostvigil status: what is what now, since when, next run, last result, backlog."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.cli.output import fail
from agent.engine.self_check import NO_RESULT_YET
from agent.model import SEVERITY, State, Status
from agent.plugin.units import duration_text
from agent.store import Backlog, Holder, LastRun, Store, StoreError, holder
from agent.system.rights import state_of

COLOURS = {"critical": "31", "warning": "33", "nodata": "35", "ok": "32"}


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One subject, as the command shows it. Times are Unix milliseconds."""

    status: str
    check: str
    subject: str = ""
    since: int = 0
    reported: str = ""
    summary: str = ""
    last_status: str = ""
    last_run: int = 0
    next_run: int = 0
    duration: float = 0.0
    metrics: tuple[Any, ...] = ()
    held: str = ""
    """Why a difference to what was notified is not told now."""


def main(options: argparse.Namespace) -> int:
    """Exits 0 when the store could be read, 2 when not; what it shows does not matter."""
    with state_of(options.state):
        return _main(options)


def _main(options: argparse.Namespace) -> int:
    try:
        store = Store.read(options.state)
        states, runs, backlog = store.states(), store.last_runs(), store.history.backlog()
        silent: list[str] = msgspec.json.decode(store.history.remembered(NO_RESULT_YET) or "[]")
    except StoreError as error:
        return fail(error)
    at_work = holder(options.state)
    lines = told(states, runs)
    if options.json:
        print(
            msgspec.json.encode(
                {
                    "agent": at_work,
                    "outbox": total(backlog),
                    "destinations": backlog,
                    "checks": lines,
                    "no_result_yet": silent,
                }
            ).decode()
        )
    else:
        print("\n".join(page(lines, backlog, at_work, time.time_ns() // 1_000_000, sys.stdout.isatty(), silent)))
    return 0


def told(states: list[State], runs: list[LastRun]) -> list[Line]:
    """Join what is believed with what was seen last, the worst first."""
    seen = {(run.check, run.subject): run for run in runs}
    lines = [_line(state, seen.get((state.check, state.subject))) for state in states]
    return sorted(lines, key=lambda line: (-SEVERITY.get(Status(line.status), 0), line.check, line.subject))


def _line(state: State, run: LastRun | None) -> Line:
    base = Line(state.decided or "nodata", state.check, state.subject, state.decided_since, state.notified or "never")
    if run is None:
        return base
    return msgspec.structs.replace(
        base,
        summary=run.result.summary,
        last_status=run.result.status,
        last_run=run.at,
        next_run=run.next_at,
        duration=run.duration,
        metrics=run.result.metrics,
        held=state.suppressed_by,
    )


def page(
    lines: list[Line],
    backlog: Mapping[str, Backlog],
    at_work: Holder | None,
    now: int,
    colour: bool,
    silent: Sequence[str] = (),
) -> list[str]:
    """Return the lines to print; `now` in Unix milliseconds, `silent` the checks that had no result yet."""
    counts = {status: sum(line.status == status for line in lines) for status in reversed(SEVERITY)}
    agent = f"running (pid {at_work.pid}, {_ago(at_work.since, now)})" if at_work else "not running"
    head = [
        f"agent   {agent}",
        "checks  " + (", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no results yet"),
        *(f"events  {_waiting(one, now)}{f' ({name})' * (len(backlog) > 1)}" for name, one in backlog.items()),
        "",
    ]
    rows = [_row(line, now, at_work is not None) for line in lines]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    painted = [_painted(line, row, widths, colour) for line, row in zip(lines, rows, strict=True)]
    return head + painted + [f"-  {name}  no result yet" for name in silent]


def _row(line: Line, now: int, at_work: bool) -> tuple[str, str, str, str, str]:
    name = f"{line.check} {line.subject}".strip()
    since = duration_text(max(0, now - line.since) / 1000) if line.since else "-"
    soon = at_work and line.next_run > now
    following = f"next in {duration_text((line.next_run - now) / 1000)}" if soon else ""
    undecided = f" [{line.last_status}, not decided yet]" if line.last_status not in ("", line.status) else ""
    held = f" [not told: {line.held}]" if line.held else ""
    return line.status, name, since, following, " ".join((line.summary + undecided + held).split())


def _painted(line: Line, row: tuple[str, ...], widths: list[int], colour: bool) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    if colour:
        cells[0] = f"\x1b[{COLOURS.get(line.status, '0')}m{cells[0]}\x1b[0m"
    return "  ".join([*cells, row[-1]]).rstrip()


def total(backlog: Mapping[str, Backlog]) -> Backlog:
    """Add up what waits for all destinations."""
    oldest = min((one.oldest for one in backlog.values() if one.oldest), default=0)
    counts = [(one.count, one.refused) for one in backlog.values()]
    return Backlog(sum(count for count, _ in counts), oldest, sum(refused for _, refused in counts))


def _waiting(backlog: Backlog, now: int) -> str:
    refused = f", {backlog.refused} refused (hostvigil events --refused)" if backlog.refused else ""
    if not backlog.count:
        return f"all told{refused}"
    return f"{backlog.count} still to be told, the oldest from {_ago(backlog.oldest, now)}{refused}"


def _ago(at: int, now: int) -> str:
    return f"{duration_text(max(0, now - at) / 1000)} ago"
