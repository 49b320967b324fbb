"""The JSON of the commands: documented, versioned forms. Times are Unix milliseconds, spans seconds.

A key is never renamed or removed within a version, and its meaning stays; new ones may come.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.model import Metric, Outcome, Reason, Result, Status
from agent.store import Delivery
from agent.view.explanation import SettingView
from agent.view.history.reading import Past
from agent.view.snapshot import CheckView, DestinationView, Mark, Snapshot, SubjectView, urgency
from agent.view.words import word

VERSION: Literal[1] = 1
Version = Annotated[Literal[1], Meta(description="Of the form; it rises when a key changes its meaning or goes.")]
Moment = Annotated[int, Meta(description="Unix milliseconds; 0: never, or unknown.")]
Span = Annotated[float, Meta(description="Seconds.")]


class SubjectForm(msgspec.Struct, frozen=True):
    """One subject of one check."""

    check: str
    subject: Annotated[str, Meta(description="The part of the check; empty where it has only one.")]
    type: str
    status: Annotated[Status, Meta(description="What is decided; nodata until something is.")]
    since: Annotated[Moment, Meta(description="When it was decided.")]
    marks: Annotated[tuple[Mark, ...], Meta(description="What a reader must know beside the status.")]
    reported: Annotated[str, Meta(description="What was told last: a status, flapping, or never.")]
    reported_at: Moment
    held: Annotated[str, Meta(description="Why the last result was not told; empty when nothing was held back.")]
    reasons: Annotated[tuple[Reason, ...], Meta(description="What suppresses now, and until when.")]
    why: Annotated[str, Meta(description="Why something is told or not, in a sentence.")]
    summary: str
    last_status: Annotated[str, Meta(description="Of the last result; empty: there was none.")]
    last_run: Moment
    next_run: Moment
    duration: Annotated[Span, Meta(description="Of the last run.")]
    late: Annotated[Span, Meta(description="How long ago the next run was due; 0: it is not late.")]
    metrics: tuple[Metric, ...]
    tags: dict[str, str]


class AgentForm(msgspec.Struct, frozen=True):
    """The agent that is at work."""

    pid: int
    since: Moment


class BacklogForm(msgspec.Struct, frozen=True):
    """What waits for all destinations together."""

    count: int
    oldest: Moment
    refused: int


class DestinationForm(msgspec.Struct, frozen=True):
    """What becomes of the notifications for one destination."""

    count: Annotated[int, Meta(description="How many wait.")]
    oldest: Annotated[Moment, Meta(description="When the oldest of what waits was observed.")]
    refused: Annotated[int, Meta(description="How many it would not take; they are set aside.")]
    delivered_at: Annotated[Moment, Meta(description="When it took something last.")]
    trouble: Annotated[str, Meta(description="The last answer to what was tried in vain and waits.")]


class StatusForm(msgspec.Struct, frozen=True):
    """`hostvigil status --json`."""

    version: Version
    at: Moment
    agent: AgentForm | None
    problems: Annotated[tuple[str, ...], Meta(description="Of the configuration, as its files are now.")]
    disabled: Annotated[tuple[str, ...], Meta(description="Checks that are switched off.")]
    no_result_yet: Annotated[tuple[str, ...], Meta(description="Checks that had no result yet.")]
    outbox: BacklogForm
    destinations: dict[str, DestinationForm]
    checks: Annotated[tuple[SubjectForm, ...], Meta(description="The worst first.")]


class CountsForm(msgspec.Struct, frozen=True):
    """Results in a row, as they are counted."""

    bad: int
    nodata: int
    good: int


class ExplainedForm(SubjectForm, frozen=True):
    """One subject, with what `explain` adds."""

    details: str
    counts: CountsForm
    incident: str
    incident_since: Moment
    repeats: Annotated[int, Meta(description="How often the present problem was told again.")]
    events: Annotated[int, Meta(description="Events of this subject so far.")]


class ExplainForm(msgspec.Struct, frozen=True):
    """`hostvigil explain CHECK --json`."""

    version: Version
    at: Moment
    check: str
    type: Annotated[str, Meta(description="Empty where the files do not name the check, or it is written wrong.")]
    place: Annotated[str, Meta(description="file:line:column; empty likewise.")]
    enabled: bool
    description: str
    runbook: str
    problems: tuple[str, ...]
    settings: tuple[SettingView, ...]
    subjects: tuple[ExplainedForm, ...]


class EventForm(msgspec.Struct, frozen=True):
    """One delivery of a notification to one destination."""

    seq: Annotated[int, Meta(description="Rises with each delivery.")]
    id: Annotated[str, Meta(description="The event's id; the same at each destination.")]
    destination: str
    check: str
    subject: str
    status: Annotated[str, Meta(description="As the API calls it: flapping is `error`.")]
    created: Annotated[Moment, Meta(description="When the change was observed.")]
    title: str
    phase: Annotated[str, Meta(description="pending, delivered, refused or dropped.")]
    attempts: int
    answer: Annotated[str, Meta(description="Of the last try.")]
    answered_at: Moment
    members: Annotated[int, Meta(description="How many others it tells; 0: it is no digest.")]
    digest: Annotated[int | None, Meta(description="The digest that tells it, by its seq.")]
    facts: Annotated[Any, Meta(description="What happened; null of a digest.")]


class EventsForm(msgspec.Struct, frozen=True):
    """`hostvigil events --json`."""

    version: Version
    events: tuple[EventForm, ...]


class CheckForm(msgspec.Struct, frozen=True):
    """`hostvigil check NAME --json`."""

    version: Version
    check: str
    type: str
    status: Annotated[Status, Meta(description="The worst of the results.")]
    started_at: Moment
    duration: Span
    complete: Annotated[bool, Meta(description="false: the run as a whole could not look.")]
    results: tuple[Result, ...]


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


class HistoryForm(msgspec.Struct, frozen=True):
    """`hostvigil history CHECK --json`."""

    version: Version
    check: str
    since: Moment
    until: Moment
    watched: Annotated[tuple[tuple[int, int], ...], Meta(description="From when to when an agent was at work.")]
    subjects: tuple[PastSubjectForm, ...]


FORMS: dict[str, type[msgspec.Struct]] = {
    "status": StatusForm,
    "explain": ExplainForm,
    "events": EventsForm,
    "check": CheckForm,
    "history": HistoryForm,
}


def status_form(seen: Snapshot, subjects: tuple[SubjectView, ...]) -> StatusForm:
    agent = AgentForm(seen.agent.pid, seen.agent.since) if seen.agent.running else None
    return StatusForm(
        VERSION,
        seen.at,
        agent,
        seen.agent.problems,
        seen.agent.disabled,
        tuple(one.check for one in seen.subjects if Mark.NO_RESULT in one.marks),
        _total(seen.destinations),
        {one.name: _destination(one) for one in seen.destinations},
        tuple(SubjectForm(**_subject(one)) for one in subjects),
    )


def explain_form(seen: Snapshot, check: CheckView, settings: list[SettingView]) -> ExplainForm:
    config = check.config
    return ExplainForm(
        VERSION,
        seen.at,
        check.name,
        config.type if config else "",
        str(config.place) if config else "",
        config.enabled if config else False,
        config.description if config else "",
        config.runbook if config else "",
        check.problems,
        tuple(settings),
        tuple(_explained(one) for one in sorted(check.subjects, key=lambda one: (-urgency(one), one.subject))),
    )


def event_form(delivery: Delivery, title: str) -> EventForm:
    fields = {name: getattr(delivery, name) for name in EventForm.__struct_fields__ if name not in ("title", "facts")}
    return EventForm(**fields, title=title, facts=msgspec.Raw(delivery.facts) if delivery.facts else None)


def check_form(outcome: Outcome, worst: Status) -> CheckForm:
    fields = {name: getattr(outcome, name) for name in CheckForm.__struct_fields__ if name not in ("version", "status")}
    return CheckForm(version=VERSION, status=worst, **fields)


def history_form(found: Past) -> HistoryForm:
    names = dict.fromkeys([*(one.subject for one in found.changes), *(one.subject for one in found.metrics)])
    subjects = tuple(_past(found, subject) for subject in names)
    watched = tuple((life.since, life.until) for life in found.lives)
    return HistoryForm(VERSION, found.check, found.since, found.until, watched, subjects)


def _past(found: Past, subject: str) -> PastSubjectForm:
    changes = [
        ChangeForm(**{name: getattr(one, name) for name in ChangeForm.__struct_fields__})
        for one in found.changes
        if one.subject == subject
    ]
    metrics = [
        CourseForm(**{name: getattr(one, name) for name in CourseForm.__struct_fields__})
        for one in found.metrics
        if one.subject == subject
    ]
    return PastSubjectForm(subject, tuple(changes), tuple(metrics))


def _subject(one: SubjectView) -> dict[str, Any]:
    special = {"reported", "reported_at", "held", "last_status"}
    fields = {name: getattr(one, name) for name in SubjectForm.__struct_fields__ if name not in special}
    return fields | {
        "reported": word(one.notified) if one.notified else "never",
        "reported_at": one.notified_at,
        "held": one.suppressed_by,
        "last_status": one.last_status or "",
    }


def _explained(one: SubjectView) -> ExplainedForm:
    state = one.state
    return ExplainedForm(
        **_subject(one),
        details=one.details,
        counts=CountsForm(state.bad, state.missing, state.good),
        incident=state.incident,
        incident_since=state.incident_since,
        repeats=state.repeats,
        events=state.events,
    )


def _destination(one: DestinationView) -> DestinationForm:
    return DestinationForm(one.waiting, one.oldest, one.refused, one.delivered_at, one.trouble)


def _total(destinations: tuple[DestinationView, ...]) -> BacklogForm:
    oldest = min((one.oldest for one in destinations if one.oldest), default=0)
    return BacklogForm(sum(one.waiting for one in destinations), oldest, sum(one.refused for one in destinations))
