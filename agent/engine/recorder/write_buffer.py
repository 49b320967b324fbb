"""What waits to be written: changes that must not be lost, what checks remember, and what is nice to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.engine.recorder.changes import as_last
from agent.store import Change, LastRun


class WriteBuffer:
    """Owned by the recorder's thread: who decides puts in, who writes takes out."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        """In the order in which they came."""
        self.forgotten: set[tuple[str, str | None]] = set()
        """Checks (None), or subjects of them, of which nothing is to be kept."""
        self.memories: dict[str, dict[str, Any]] = {}
        """What checks remember, by their names."""
        self.notes: dict[tuple[str, str], LastRun] = {}
        """The last results, by check and subject."""
        self.facts: dict[str, Callable[[], str]] = {}
        """Of the agent as a whole, by their names; each is asked when it is written."""

    def change(self, change: Change) -> None:
        self.changes.append(change)

    def remember(self, check: str, memory: dict[str, Any]) -> None:
        self.memories[check] = memory

    def note(self, run: LastRun) -> None:
        self.notes[run.check, run.subject] = run

    def fact(self, name: str, value: Callable[[], str]) -> None:
        self.facts[name] = value

    def forget(self, check: str, subject: str | None = None) -> None:
        """Keep nothing of a check, or of one subject of it; what is to be told of it is told."""
        if subject is None:
            self.memories.pop(check, None)
            self.notes = {key: note for key, note in self.notes.items() if note.check != check}
        else:
            self.notes.pop((check, subject), None)
        self.changes = [as_last(change, check, subject) for change in self.changes]
        self.forgotten.add((check, subject))

    @property
    def has_notes(self) -> bool:
        """Tell whether there is something that may wait for a moment."""
        return bool(self.notes or self.facts or self.memories)
