"""The form of `hostvigil status --json`, and the one subject that `explain` shows too."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent.model import Metric, Reason, Status
from agent.view.forms.words import VERSION, Moment, Span, Version
from agent.view.snapshot import DestinationView, Mark, Snapshot, SubjectView
from agent.view.words import word


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


class ReloadForm(msgspec.Struct, frozen=True):
    """What a reload would have the running agent take over; empty where that is unknown."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    agent: Annotated[bool, Meta(description="The agent's own settings were changed.")] = False
    directory: Annotated[str, Meta(description="Where the agent reads its configuration, where that is not here.")] = ""


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
    reload: Annotated[ReloadForm, Meta(description="What is written and not taken over yet.")] = ReloadForm()


def status_form(snapshot: Snapshot, subjects: tuple[SubjectView, ...]) -> StatusForm:
    """Return what `hostvigil status --json` prints; `subjects` are those that were asked for."""
    agent = AgentForm(snapshot.agent.pid, snapshot.agent.since) if snapshot.agent.running else None
    return StatusForm(
        version=VERSION,
        at=snapshot.at,
        agent=agent,
        problems=snapshot.agent.problems,
        disabled=snapshot.agent.disabled,
        no_result_yet=tuple(one.check for one in snapshot.subjects if Mark.NO_RESULT in one.marks),
        outbox=_total(snapshot.destinations),
        destinations={one.name: _destination(one) for one in snapshot.destinations},
        checks=tuple(SubjectForm(**subject_fields(one)) for one in subjects),
        reload=ReloadForm(**{name: getattr(snapshot.agent.reload, name) for name in ReloadForm.__struct_fields__}),
    )


def subject_fields(view: SubjectView) -> dict[str, Any]:
    """Return the fields that every form of a subject has."""
    special = {"reported", "reported_at", "held"}
    fields = {name: getattr(view, name) for name in SubjectForm.__struct_fields__ if name not in special}
    return fields | {
        "reported": word(view.notified) if view.notified else "never",
        "reported_at": view.notified_at,
        "held": view.suppressed_by,
        "last_status": view.last_status or "",
    }


def _destination(one: DestinationView) -> DestinationForm:
    return DestinationForm(one.waiting, one.oldest, one.refused, one.delivered_at, one.trouble)


def _total(destinations: tuple[DestinationView, ...]) -> BacklogForm:
    oldest = min((one.oldest for one in destinations if one.oldest), default=0)
    return BacklogForm(sum(one.waiting for one in destinations), oldest, sum(one.refused for one in destinations))
