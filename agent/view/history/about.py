"""Pure: which notes are about a check."""

from __future__ import annotations

from agent.config.selector import matches
from agent.view.history.rows import Deed, NoteRow
from agent.view.snapshot import CheckView
from agent.view.words import clock


def note_text(row: NoteRow, check: str) -> str:
    """Say what was done in a line; the check itself is not named."""
    by = f" by {row.who}" if row.who else " by itself" if row.deed is Deed.SILENCE_ENDED else ""
    until = f" until {clock(row.until)}" if row.until else ""
    about = "" if row.about == check else f" [{row.about.removeprefix(f'{check}:')}]"
    return f"{row.deed}{by}{until}{about}" + (f": {row.text}" if row.text else "")


def is_about(row: NoteRow, check: CheckView) -> bool:
    """Tell whether a note is about a check, or a part of it, as it is configured now."""
    if row.deed not in (Deed.SILENCED, Deed.SILENCE_ENDED):
        return row.about == check.name or row.about.startswith(f"{check.name}:")
    own = check.config.tags if check.config else {}
    subjects = [(one.subject, one.tags) for one in check.subjects] or [("", own)]
    return any(matches(row.about, check.name, tags, subject) for subject, tags in subjects)
