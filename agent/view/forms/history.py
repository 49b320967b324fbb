"""The form of `hostvigil history CHECK --json`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.view.forms.words import VERSION, Moment, Version
from agent.view.history.about import is_about
from agent.view.history.reading import Past
from agent.view.history.rows import Deed
from agent.view.snapshot import CheckView


class ChangeForm(msgspec.Struct, frozen=True):
    """One change of what is believed, told or held back."""

    at: Moment
    result: Annotated[str, Meta(description="The status that the run said.")]
    decided: Annotated[str, Meta(description="What is believed since; empty: the subject is forgotten, or nothing is.")]
    flapping: bool
    notified: Annotated[str, Meta(description="What was told with it; empty: nothing.")]
    why: Annotated[str, Meta(description="Why it was not told; empty when nothing held it back.")]
    summary: str


class CourseForm(msgspec.Struct, frozen=True):
    """The course of one metric."""

    name: str
    unit: str
    low: float
    high: float
    mean: float
    points: Annotated[
        tuple[tuple[int, float], ...],
        Meta(description="Unix milliseconds and value, by the minute as long as that is kept, before it by the hour."),
    ]


class PastSubjectForm(msgspec.Struct, frozen=True):
    """What was of one subject."""

    subject: str
    changes: Annotated[tuple[ChangeForm, ...], Meta(description="The last one before `since` is the first.")]
    metrics: tuple[CourseForm, ...]


class NoteForm(msgspec.Struct, frozen=True):
    """What a person did."""

    at: Moment
    deed: Annotated[Deed, Meta(description="A silence and its end, an acknowledgement and its end, or a run.")]
    who: Annotated[str, Meta(description="Empty: unknown, or nobody: the time of a silence was over.")]
    about: Annotated[str, Meta(description="A silence's selector; else the check, or check:subject.")]
    until: Annotated[Moment, Meta(description="Of a silence that begins: when it was to end.")]
    text: Annotated[str, Meta(description="The reason that was given.")]


class HistoryForm(msgspec.Struct, frozen=True):
    """`hostvigil history CHECK --json`."""

    version: Version
    check: str
    since: Moment
    until: Moment
    watched: Annotated[tuple[tuple[int, int], ...], Meta(description="From when to when an agent was at work.")]
    notes: Annotated[tuple[NoteForm, ...], Meta(description="What people did about the check.")]
    subjects: tuple[PastSubjectForm, ...]


def history_form(history: Past, check: CheckView) -> HistoryForm:
    """Return what `hostvigil history --json` prints of a check."""
    names = dict.fromkeys([*(one.subject for one in history.changes), *(one.subject for one in history.metrics)])
    subjects = tuple(_past(history, subject) for subject in names)
    spans = tuple((life.since, life.until) for life in history.lives)
    notes = tuple(
        NoteForm(**{name: getattr(one, name) for name in NoteForm.__struct_fields__})
        for one in history.notes
        if is_about(one, check)
    )
    return HistoryForm(
        version=VERSION,
        check=history.check,
        since=history.since,
        until=history.until,
        watched=spans,
        notes=notes,
        subjects=subjects,
    )


def _past(history: Past, subject: str) -> PastSubjectForm:
    changes = [
        ChangeForm(**{name: getattr(one, name) for name in ChangeForm.__struct_fields__})
        for one in history.changes
        if one.subject == subject
    ]
    metrics = [
        CourseForm(**{name: getattr(one, name) for name in CourseForm.__struct_fields__})
        for one in history.metrics
        if one.subject == subject
    ]
    return PastSubjectForm(subject, tuple(changes), tuple(metrics))
