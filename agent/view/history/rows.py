"""What goes into the history and comes out of it: frozen values. Times are Unix milliseconds."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator

import msgspec

from agent.engine.state.transition import Transition
from agent.model import Status
from agent.plugin.text import cut

SUMMARY_LIMIT = 300
HOUR = 3_600_000
MINUTE = 60_000
DAY = 24 * HOUR


class ChangeRow(msgspec.Struct, frozen=True):
    """One change of what is believed, told or held back of a subject."""

    at: int
    check: str
    subject: str
    result: str
    """The status that the run said."""
    decided: str
    """What is believed since; empty: nothing yet, or the subject is forgotten."""
    flapping: bool
    notified: str
    """What was told with this change; empty: nothing."""
    why: str
    """Why it was not told; empty when nothing held it back."""
    summary: str


class Deed(enum.StrEnum):
    """What a person did."""

    SILENCED = "silenced"
    SILENCE_ENDED = "silence ended"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_ENDED = "acknowledgement taken back"
    RUN = "run asked for"


class NoteRow(msgspec.Struct, frozen=True):
    """Something that a person did, or the end of it."""

    at: int
    deed: Deed
    who: str
    """Of an acknowledgement with its reason. Empty: unknown; of a silence's end: its time was over."""
    about: str
    """Of silences a selector; else `check`, or `check:subject`."""
    began: int = 0
    """Of silences: since when; it tells two of one selector apart."""
    until: int = 0
    text: str = ""
    """The reason that was given."""


def note_acknowledgement(check: str, subjects: Iterable[str], words: str, who: str, now: int) -> Iterator[NoteRow]:
    """Yield what is noted of an acknowledgement; without words it was taken back. `now` in Unix milliseconds."""
    deed = Deed.ACKNOWLEDGED if words else Deed.ACKNOWLEDGEMENT_ENDED
    for subject in subjects:
        yield NoteRow(now, deed, words or who, f"{check}:{subject}" if subject else check)


class Life(msgspec.Struct, frozen=True):
    """From when to when an agent was at work."""

    since: int
    until: int


class Passer(msgspec.Struct, frozen=True):
    """A subject that a check found by itself, that was well for less than a day, and is gone: no trace is kept."""

    check: str
    subject: str
    since: int


def passer_of(step: Transition) -> Passer | None:
    """Return who came and went with this step without anything to tell; None for all others.

    Containers of a CI host would push everything else out of the history.
    """
    before = step.before
    well = before.decided in (None, Status.OK) and not before.events and not before.suppressed_by
    if not (step.last and before.discovered and well and before.subject):
        return None
    since = before.decided_since or step.at
    return Passer(before.check, before.subject, since) if 0 <= step.at - since < DAY else None


def change_of(step: Transition) -> ChangeRow | None:
    """Return what a transition changed; None for a steady result."""
    before, after = step.before, step.state
    same = (before.decided, before.flapping, before.suppressed_by) == (
        after.decided,
        after.flapping,
        after.suppressed_by,
    )
    if same and step.report is None and not step.last:
        return None
    return ChangeRow(
        at=step.at,
        check=after.check,
        subject=after.subject,
        result=str(step.result.status),
        decided="" if step.last or after.decided is None else str(after.decided),
        flapping=after.flapping,
        notified=step.report.status.name.lower() if step.report else "",
        why=after.suppressed_by,
        summary=cut(step.result.summary, SUMMARY_LIMIT),
    )
