"""Pure: the Snapshot -> the lines that `hostvigil status` shows on a screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from agent import __version__
from agent.cli.output import pluralize
from agent.cli.show.screen import Screen, pad, truncate, width_of, wrap_lines
from agent.config.at_work import ReloadPreview
from agent.config.sections.destination import TERMINAL
from agent.model import SEVERITY, Status
from agent.plugin.text import name_some, one_line
from agent.plugin.units import duration_text
from agent.view.snapshot import DestinationView, Mark, Snapshot, SubjectView
from agent.view.words import ago, marks, span

NARROW = 100
"""Below so many columns there is no room for the next run."""
LONG = 4000
"""Where nothing is cut to a width, a text is bounded all the same."""
GAP = "  "
FIXED_LINES = 4
"""Header, an empty line, an empty line and the line on the agent; the prompt takes one more."""


class Wish(msgspec.Struct, frozen=True):
    """What the reader wants to see of the ok ones."""

    all: bool = False
    problems: bool = False


def page(snapshot: Snapshot, subjects: Sequence[SubjectView], wish: Wish, on: Screen) -> list[str]:
    """Return the lines: a header, the subjects, the worst first, and a last line on the agent."""
    foot = _foot(snapshot, on)
    visible = _select_visible(subjects, wish, on.height - FIXED_LINES - len(foot) if on.height else 0)
    rows = _rows(visible, snapshot, on)
    summary = [] if wish.problems else _count_rest([one for one in subjects if one not in visible])
    return [truncate(_header(subjects), on.width or LONG), "", *rows, *summary, "", *foot]


def _select_visible(subjects: Sequence[SubjectView], wish: Wish, room: int) -> list[SubjectView]:
    """Return what has a line of its own: all of it where that fits or was asked for, else what is not ok."""
    bad = [one for one in subjects if not one.is_well and not one.waits]
    if wish.problems:
        return bad
    return list(subjects) if wish.all or not room or len(subjects) <= room else bad


def _count_rest(rest: Sequence[SubjectView]) -> list[str]:
    waiting = sum(one.waits for one in rest)
    parts = [f"{len(rest) - waiting} ok"] if len(rest) > waiting else []
    if waiting:
        parts.append(f"{waiting} without a result yet")
    return [f"{', '.join(parts)} (--all)"] if parts else []


def _header(subjects: Sequence[SubjectView]) -> str:
    checks = len({one.check for one in subjects})
    counts = Counter("without a result yet" if one.waits else str(one.status) for one in subjects)
    order = [*sorted(SEVERITY, key=lambda status: -SEVERITY[status]), "without a result yet"]
    counts_text = ", ".join(f"{counts[status]} {status}" for status in order if counts[status])
    parts = f", {pluralize(len(subjects), 'subject')}" if len(subjects) != checks else ""
    return f"{pluralize(checks, 'check')}{parts}: {counts_text or 'nothing to show'}"


def _rows(subjects: Sequence[SubjectView], snapshot: Snapshot, on: Screen) -> list[str]:
    """Return a line for each, in columns that are bounded: no long name pushes the others off the screen."""
    cells = [_cells(one, snapshot) for one in subjects]
    widest = [max((width_of(row[column]) for row in cells), default=0) for column in range(4)]
    most = (8, max(20, on.width // 3), 7, 16) if on.width else (8, 60, 10, 24)
    widths = [min(width, limit) for width, limit in zip(widest, most, strict=True)]
    if on.width and on.width < NARROW:
        widths[3] = 0
    return [_line(one, row, widths, on) for one, row in zip(subjects, cells, strict=True)]


def _cells(view: SubjectView, snapshot: Snapshot) -> tuple[str, str, str, str, str]:
    since = span(view.since, snapshot.at) if view.since else "-"
    soon = view.next_run > snapshot.at
    following = f"next in {span(snapshot.at, view.next_run)}" if soon else ""
    text = " ".join([*(f"[{mark}]" for mark in marks(view)), view.summary])
    return status_text(view), one_line(view.name, LONG), since, following, one_line(text, LONG)


def status_text(view: SubjectView) -> str:
    return "-" if view.waits else str(view.status)


def _line(view: SubjectView, row: Sequence[str], widths: Sequence[int], on: Screen) -> str:
    cells = [pad(cell, width) for cell, width in zip(row, widths, strict=False) if width]
    beginning = GAP.join(cells)
    text = truncate(row[-1], max(0, on.width - width_of(beginning) - len(GAP))) if on.width else row[-1]
    colour = "flapping" if Mark.FLAPPING in view.marks else "" if view.waits else str(view.status)
    coloured_cells = on.paint(cells[0], colour) + beginning[len(cells[0]) :]
    return f"{coloured_cells}{GAP}{text}".rstrip()


def _foot(snapshot: Snapshot, on: Screen) -> list[str]:
    """Return the line on the agent itself, on as many lines as it takes: none of it is cut."""
    lines = [""]
    for part in _agent(snapshot):
        line = f"{lines[-1]} | {part}" if lines[-1] else part
        if on.width and width_of(line) > on.width and lines[-1]:
            lines.append(part)
        else:
            lines[-1] = line
    return list(wrap_lines(lines, on.width))


def _agent(snapshot: Snapshot) -> Iterator[str]:
    agent = snapshot.agent
    life = f"agent running for {span(agent.since, snapshot.at)} (pid {agent.pid})"
    if agent.running and agent.version not in ("", __version__):
        life += f", still version {agent.version}: restart it for {__version__}"
    yield life if agent.running else "agent not running"
    if agent.reload:
        yield reload_text(agent.reload)
    several = len(snapshot.destinations) > 1
    for one in snapshot.destinations:
        yield f"{one_line(one.name, 40) if several else 'events'}: {_delivery(one, snapshot.at)}"
    if snapshot.late:
        latest = max(snapshot.late, key=lambda one: one.late)
        text = f"{one_line(latest.name, 40)} by {duration_text(latest.late)}"
        yield f"{pluralize(len(snapshot.late), 'check')} late, {text}"
    if snapshot.silences:
        yield f"{pluralize(len(snapshot.silences), 'silence')} (hostvigil silence)"
    if agent.problems:
        yield f"the files have {pluralize(len(agent.problems), 'problem')} (hostvigil validate)"
    if agent.disabled:
        yield f"{len(agent.disabled)} switched off"


def reload_text(reload: ReloadPreview) -> str:
    """Say what the running agent has not taken over of what is written."""
    if reload.directory:
        return f"the agent reads {one_line(reload.directory, 200)}, not the files that are shown here (--config)"
    kinds = {"new": reload.added, "changed": reload.changed, "removed": reload.removed}
    parts = [f"{kind}: {join_names(names)}" for kind, names in kinds.items() if names]
    parts += ["the agent's own settings"] * reload.agent
    return f"not taken over yet (hostvigil reload): {'; '.join(parts)}"


def join_names(names: Sequence[str]) -> str:
    return name_some([one_line(name, 40) for name in names], 3)


def _delivery(destination: DestinationView, now: int) -> str:
    last = f", the last {ago(destination.delivered_at, now)}" if destination.delivered_at else ""
    if destination.name == TERMINAL:
        return f"printed by the agent{last}"
    if destination.waiting:
        text = f"{destination.waiting} still to be told, the oldest from {ago(destination.oldest, now)}"
        text += f" ({one_line(destination.trouble, 200)})" if destination.trouble else ""
    else:
        text = f"all told{last}" if last else "nothing to tell yet" if not destination.refused else "all told"
    return text + (f", {destination.refused} refused (hostvigil events --refused)" if destination.refused else "")


def worst(subjects: Sequence[SubjectView]) -> Status:
    """Return the worst status of these; ok where there is none. What flaps is a warning at least."""
    statuses = [
        Status.WARNING if Mark.FLAPPING in view.marks and view.status is Status.OK else view.status for view in subjects
    ]
    return max(statuses, key=SEVERITY.__getitem__, default=Status.OK)
