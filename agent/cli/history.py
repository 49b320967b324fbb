"""hostvigil history CHECK: what it was when, what was told or not and why, and the course of its metrics."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence

import msgspec

from agent.cli.answers.missing import no_check
from agent.cli.output import fail
from agent.cli.show.screen import COLOURS, Screen, pad, screen, show, truncate, width_of
from agent.delivery.wording import value_text
from agent.plugin.clock import wall_clock
from agent.plugin.text import one_line
from agent.plugin.units import Duration, duration_text
from agent.store import StoreError
from agent.system.rights import state_of
from agent.view.forms.history import history_form
from agent.view.history.about import is_about, note_text
from agent.view.history.course import FLAPPING, bar, columns, plot
from agent.view.history.reading import MetricCourse, Past, past
from agent.view.history.rows import ChangeRow
from agent.view.reading import configuration, look
from agent.view.snapshot import CheckView, Mark, SubjectView
from agent.view.words import clock

LONG = 4000
LONGEST_SECONDS = 3650 * 86_400.0
USUAL_WIDTH = 100
"""Where it goes into a file."""
BARS = {"": "·", "ok": "▁", "nodata": "░", "warning": "▄", FLAPPING: "▆", "critical": "█"}
PLOT_ROWS = 3
STATUS_WIDTH = 9
LABEL = 12
MARGIN = "  "


def main(options: argparse.Namespace) -> int:
    """Exits 0; 2 when there is no such check, or no history of it can be read."""
    now = wall_clock()
    try:
        since = now - round(_parse_span(options.last) * 1000)
        snapshot = look(configuration(options.config), options.state, now)
        with state_of(options.state):
            history = past(options.state, options.name, since, now)
    except ValueError as error:
        return fail(f"--last: {error}")
    except StoreError as error:
        return fail(error)
    check = snapshot.checks.get(options.name) or CheckView(options.name, None)
    if not (check.config or check.subjects or history.changes or history.metrics):
        return fail(no_check(options.name, snapshot.checks))
    if options.json:
        print(msgspec.json.encode(history_form(history, check)).decode())
    else:
        on = screen()
        show(list(page(check, history, snapshot.agent.running, on)), on)
    return 0


def _parse_span(text: str) -> float:
    if not (seconds := float(Duration.parse(text))):
        raise ValueError(f"{text} holds nothing, write for example 7d")
    if seconds > LONGEST_SECONDS:
        raise ValueError(f"{text} is more than is ever kept, write at most {duration_text(LONGEST_SECONDS)}")
    return seconds


def page(check: CheckView, history: Past, running: bool, on: Screen) -> Iterator[str]:
    """Yield for each subject a bar of its statuses and its changes, then each metric's course."""
    width = (on.width or USUAL_WIDTH) - 2 * len(MARGIN)
    yield _cut(f"{clock(history.since)} to {clock(history.until)}: {one_line(check.name, LONG)}", on)
    yield from _legend(on)
    yield from _notes(check, history, on)
    views = {one.subject: one for one in check.subjects}
    for subject in dict.fromkeys([*views, *(change.subject for change in history.changes)]):
        changes = [change for change in history.changes if change.subject == subject]
        yield ""
        yield _cut(one_line(subject, LONG) or "the check itself", on)
        yield MARGIN + _bar(changes, history, views.get(subject), running, width, on)
        yield from (f"{MARGIN}{_change(change, width, on)}" for change in changes if change.at >= history.since)
    for metric in history.metrics:
        yield ""
        yield from _metric(metric, history, width, on)


def _notes(check: CheckView, history: Past, on: Screen) -> Iterator[str]:
    """Yield what people did, in the order of happening."""
    rows = [row for row in history.notes if is_about(row, check)]
    if rows:
        yield from ("", "what people did")
    for row in rows:
        yield _cut(f"{MARGIN}{clock(row.at)}  {one_line(note_text(row, check.name), LONG)}", on)


def _cut(text: str, on: Screen) -> str:
    return truncate(text, on.width) if on.width else text


def _legend(on: Screen) -> Iterator[str]:
    yield MARGIN + "  ".join(f"{_cell(status, on)} {status or 'not watched'}" for status in BARS)


def _cell(status: str, on: Screen) -> str:
    return on.paint(BARS[status], status) if status in COLOURS else BARS[status]


def _bar(
    changes: Sequence[ChangeRow], history: Past, view: SubjectView | None, running: bool, width: int, on: Screen
) -> str:
    now_is = str(view.status) if view and Mark.NO_RESULT not in view.marks and view.since <= history.since else ""
    lives = history.lives
    if lives and running:  # the last one goes on; its end is written every few minutes
        lives = (*lives[:-1], msgspec.structs.replace(lives[-1], until=history.until))
    return "".join(_cell(status, on) for status in bar(changes, lives, now_is, history.since, history.until, width))


def _change(change: ChangeRow, width: int, on: Screen) -> str:
    """Return a change as one line: when, what, whether it was told, and why not."""
    status = (FLAPPING if change.flapping else change.decided) or "forgotten"
    start = f"{clock(change.at)}  {on.paint(pad(status, STATUS_WIDTH), status)}  "
    notification = _describe_notification(change)
    text = one_line(f"{notification}: {change.summary}" if change.summary else notification, LONG)
    return start + (truncate(text, width - len(clock(change.at)) - STATUS_WIDTH - 4) if on.width else text)


def _describe_notification(change: ChangeRow) -> str:
    if change.notified:
        return "told" if change.notified in (change.decided, FLAPPING) else f"told as {change.notified}"
    if change.why:
        return f"not told ({change.why})"
    return "not told while it is flapping" if change.flapping else "nothing to tell"


def _metric(metric: MetricCourse, history: Past, width: int, on: Screen) -> Iterator[str]:
    """Yield a small plot with its lowest and highest value beside it."""
    last = metric.points[-1][1]
    low, mean, high, now = (_short(value, metric.unit) for value in (metric.low, metric.mean, metric.high, last))
    name = one_line(f"{metric.subject} {metric.name}", LONG)
    numbers = f": low {low}, mean {mean}, high {high}, last {now}"
    yield _cut((truncate(name, max(10, on.width - width_of(numbers))) if on.width else name) + numbers, on)
    values = columns(metric.points, history.since, history.until, max(10, width - LABEL))
    numbers_drawn = [value for value in values if value is not None]
    top, bottom = max(numbers_drawn), min(numbers_drawn)
    labels = [_short(top, metric.unit), *[""] * (PLOT_ROWS - 2), _short(bottom, metric.unit)]
    for label, row in zip(labels, plot(values, bottom, top, PLOT_ROWS), strict=True):
        yield f"{MARGIN}{truncate(label, LABEL - 1):>{LABEL - 1}} {row}".rstrip()


def _short(value: float, unit: str) -> str:
    """Say a number in three or four digits."""
    rounded = float(f"{value:.4g}")
    return value_text(value if unit in ("s", "B") or math.isinf(rounded) else rounded, unit)
