"""Pure: a Snapshot or one check -> HTML. Every text goes through a template's {{...}}, which escapes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

import msgspec

import agent
from agent.config.page_token import EXAMPLE, MAKE
from agent.delivery.wording import format_metric, title, value_text
from agent.model import Policy
from agent.page.pictures import Span, cells, draw_bar, plot
from agent.page.source import DAY, CheckPage, Overview
from agent.page.templates import LINE, TEXT, fill
from agent.plugin.text import one_line
from agent.store import Delivery
from agent.store.outbox import notification
from agent.view.explanation import background, head
from agent.view.history.about import is_about, note_text
from agent.view.history.course import FLAPPING
from agent.view.history.reading import MetricCourse
from agent.view.history.rows import ChangeRow
from agent.view.snapshot import Mark, SubjectView, urgency
from agent.view.words import marks

FEW = 30
"""So many that are ok are shown at once; more are folded."""
FEW_FILES = 3
"""So many changed files are named."""
MOST_CHANGES = 30
"""How many of a check are shown."""
ORDER = ("critical", "warning", "nodata", "waiting", "ok")


def whole(part: str, host: str, forms: str) -> str:
    """Return a page around its main part, with what may be done on it."""
    acts = 'id="act"' in forms
    return fill("whole", 0, part=part, forms=forms, acts=acts, host=one_line(host, LINE), version=agent.__version__)


def how_to_act() -> str:
    """Return how the page comes to more than showing."""
    return fill("how", 0, make=MAKE.format(path=EXAMPLE), example=EXAMPLE)


def missing() -> str:
    """Return what stands where nothing is, with the way back; without a word of what was asked."""
    return fill("missing", 0, title="There is no such page")


def overview(page: Overview, host: str) -> str:
    """Return the page of all checks as HTML."""
    snapshot = page.snapshot
    subjects = snapshot.subjects
    well = [one for one in subjects if one.is_well]
    return fill(
        "overview",
        snapshot.at,
        title=f"{counts(subjects)} on {one_line(host, LINE)}",
        snapshot=snapshot,
        changed=[one_line(name, LINE) for name in page.changed[:FEW_FILES]],
        more=len(page.changed) - FEW_FILES,
        counts=counts(subjects),
        ill=[one for one in subjects if not one.is_well],
        well=well,
        folded=len(well) > FEW,
        bar=_bars(page),
        past=page.recent is not None,
        label=label,
        marks=marks,
    )


def _bars(page: Overview) -> Callable[[SubjectView], str]:
    """Return what draws a subject's last day; most are alike, and drawn once."""
    if not (past := page.recent):
        return lambda one: ""
    span = Span(page.snapshot.at - DAY, page.snapshot.at, past.lives, page.snapshot.agent.running)
    draw = cache(draw_bar)
    steady: dict[tuple[str, bool], str] = {}

    def bar(one: SubjectView) -> str:
        if changes := past.changes.get((one.check, one.subject)):
            return draw(cells(changes, one, span))
        key = (str(one.status), one.since <= span.since and Mark.NO_RESULT not in one.marks)
        return steady.get(key) or steady.setdefault(key, draw(cells((), one, span)))

    return bar


def check(page: CheckPage, host: str) -> str:
    """Return the page of one check as HTML."""
    subjects = sorted(page.check.subjects, key=lambda one: (-urgency(one), one.subject))
    policy = page.check.config.policy if page.check.config else Policy()
    return fill(
        "check",
        page.at,
        title=f"{one_line(page.check.name, LINE)} on {one_line(host, LINE)}",
        page=page,
        head=[one_line(line, TEXT) for line in head(page.check)],
        subjects=subjects,
        about=lambda one: _about(one, policy, page.at),
        format_metric=format_metric,
        delivery_title=_format_delivery,
        past=_past(page),
        label=label,
        marks=marks,
        became=_became,
    )


class _Day(msgspec.Struct, frozen=True):
    """A check's last day, ready to be shown."""

    bars: dict[str, str]
    """By subject."""
    changes: list[ChangeRow]
    """The newest first."""
    plots: list[tuple[str, str]]
    """What a metric says in numbers, and its course."""
    deeds: list[tuple[int, str]]
    """When a person did what, the newest first."""


def _past(page: CheckPage) -> _Day | None:
    if not (past := page.past):
        return None
    span = Span(past.since, past.until, past.lives, page.running)
    changes = {one.subject: [row for row in past.changes if row.subject == one.subject] for one in page.check.subjects}
    return _Day(
        {one.subject: draw_bar(cells(changes[one.subject], one, span)) for one in page.check.subjects},
        [row for row in reversed(past.changes) if row.at >= past.since][:MOST_CHANGES],
        [(_numbers(metric), plot(metric, span)) for metric in past.metrics],
        [(row.at, note_text(row, page.check.name)) for row in reversed(past.notes) if is_about(row, page.check)],
    )


def _numbers(metric: MetricCourse) -> str:
    last = metric.points[-1][1]
    low, mean, high, now = (value_text(value, metric.unit) for value in (metric.low, metric.mean, metric.high, last))
    return one_line(f"{metric.subject} {metric.name}: low {low}, mean {mean}, high {high}, last {now}", LINE)


def _became(row: ChangeRow) -> str:
    return FLAPPING if row.flapping else row.decided or "forgotten"


def counts(subjects: tuple[SubjectView, ...]) -> str:
    """Say how many are what, the worst first: `2 critical, 44 ok`."""
    counter = Counter(label(one) for one in subjects)
    return ", ".join(f"{counter[word]} {word}" for word in ORDER if counter[word]) or "no checks"


def label(one: SubjectView) -> str:
    """Return the word of its badge, which is the name of its colour too."""
    return "waiting" if one.waits else str(one.status)


def _about(one: SubjectView, policy: Policy, now: int) -> list[str]:
    """Return what stands behind its status, in sentences."""
    return [one_line(line, TEXT) for line in background(one, policy, now)]


def _format_delivery(delivery: Delivery) -> str:
    facts = notification(delivery)
    return one_line(title(facts) if facts else delivery.title, LINE)
