"""The form of `hostvigil explain CHECK --json`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.view.explanation import SettingView
from agent.view.forms.status import SubjectForm, subject_fields
from agent.view.forms.words import VERSION, Moment, Version
from agent.view.snapshot import CheckView, Snapshot, SubjectView, urgency


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


def explain_form(snapshot: Snapshot, check: CheckView, settings: list[SettingView]) -> ExplainForm:
    """Return what `hostvigil explain --json` prints of a check."""
    config = check.config
    return ExplainForm(
        version=VERSION,
        at=snapshot.at,
        check=check.name,
        type=config.type if config else "",
        place=str(config.place) if config else "",
        enabled=config.enabled if config else False,
        description=config.description if config else "",
        runbook=config.runbook if config else "",
        problems=check.problems,
        settings=tuple(settings),
        subjects=tuple(
            _subject_form(one) for one in sorted(check.subjects, key=lambda one: (-urgency(one), one.subject))
        ),
    )


def _subject_form(view: SubjectView) -> ExplainedForm:
    state = view.state
    return ExplainedForm(
        **subject_fields(view),
        details=view.details,
        counts=CountsForm(state.bad, state.missing, state.good),
        incident=state.incident,
        incident_since=state.incident_since,
        repeats=state.repeats,
        events=state.events,
    )
