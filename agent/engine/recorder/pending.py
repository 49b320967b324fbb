"""What waits to be written: changes in one transaction, the last results lazily, and who waits for it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

from agent.engine.recorder.changes import as_last, note_all, worth_keeping, write_all
from agent.store import Change, LastRun, RoomMade, Store, StoreError

log = logging.getLogger("hostvigil.recorder")

NOTE_SECONDS = 1.0
"""Steady results are nice to know, not to lose: they are written so often at the most, without waiting for the disk."""
RETRY_SECONDS = 5.0
"""Between tries while the disk takes nothing."""


class PendingWrites:
    """Owned by the recorder's thread. `on_events` is called when events were written."""

    def __init__(self, store: Store, on_events: Callable[[], None], monotonic: Callable[[], float]) -> None:
        self._store = store
        self._on_events = on_events
        self._monotonic = monotonic
        self._changes: list[Change] = []
        self._forgotten: set[tuple[str, str | None]] = set()
        self._memories: dict[str, dict[str, Any]] = {}
        self._notes: dict[tuple[str, str], LastRun] = {}
        self._facts: dict[str, Callable[[], str]] = {}
        self._receipts: list[Callable[[], None]] = []
        self._write_at = 0.0
        self._note_at = 0.0

    def change(self, change: Change) -> None:
        self._changes.append(change)

    def remember(self, check: str, memory: dict[str, Any]) -> None:
        self._memories[check] = memory

    def note(self, run: LastRun) -> None:
        self._notes[run.check, run.subject] = run

    def fact(self, name: str, value: Callable[[], str]) -> None:
        """Keep what is nice to know of the agent as a whole; `value` is asked when it is written."""
        self._facts[name] = value

    def receipt(self, call: Callable[[], None]) -> None:
        """Call it when all that waits now is written."""
        self._receipts.append(call)

    def forget(self, check: str, subject: str | None = None) -> None:
        """Keep nothing of a check, or of one subject of it; what is to be told of it is told."""
        if subject is None:
            self._memories.pop(check, None)
            self._notes = {key: note for key, note in self._notes.items() if note.check != check}
        else:
            self._notes.pop((check, subject), None)
        self._changes = [as_last(change, check, subject) for change in self._changes]
        self._forgotten.add((check, subject))

    @property
    def nothing_to_tell(self) -> bool:
        """Every change is written."""
        return not self._changes

    @property
    def _has_notes(self) -> bool:
        return bool(self._notes or self._facts or self._memories)

    def next_write(self) -> float:
        """Return when there is something to write, in monotonic seconds."""
        times = [self._write_at] * bool(self._changes) + [self._note_at] * self._has_notes
        return min(times, default=math.inf)

    def write(self, everything: bool = False) -> None:
        """Write what is due, or everything there is; then tell who waits for it."""
        now = self._monotonic()
        if self._changes and (now >= self._write_at or everything):
            if self._notes and not self._forgotten:
                # Before: a kill between the two leaves no state whose last run is not known.
                self._write_notes(memories=False)
            self._write_changes()
        if self._has_notes and (now >= self._note_at or everything):
            self._write_notes()
        if self._receipts and not self._changes:
            self._acknowledge()

    def _write_changes(self) -> None:
        try:
            write_all(self._store, self._changes, self._memories, self._forgotten)
        except RoomMade:
            self._write_changes()  # others may use what was made free, so at once
            return
        except StoreError as error:
            if not self._write_at:
                log.error("nothing can be written; changes are held in memory until it can: %s", error)
            self._write_at = self._monotonic() + RETRY_SECONDS
            self._changes = worth_keeping(self._changes)
            return
        if self._write_at:
            log.warning("writing works again; the changes held in memory are written")
        self._write_at = 0.0
        events = any(change.notification for change in self._changes)
        self._changes, self._memories, self._forgotten = [], {}, set()
        if events:
            self._on_events()

    def _write_notes(self, memories: bool = True) -> None:
        pause, unwritten = NOTE_SECONDS, {}
        try:
            note_all(self._store, list(self._notes.values()), self._memories if memories else {})
            self._memories = {} if memories else self._memories
            for name, value in self._facts.items():
                self._store.keep_fact(name, value())
        except StoreError as error:
            log.info("the last results could not be noted: %s", error)
            # By what nobody runs it is judged again after a restart: there is no fresh one to be had.
            pause, unwritten = RETRY_SECONDS, {key: run for key, run in self._notes.items() if not run.next_at}
        self._notes, self._facts = unwritten, {}
        self._note_at = self._monotonic() + pause

    def _acknowledge(self) -> None:
        if self._has_notes:
            self._write_notes()
        receipts, self._receipts = self._receipts, []
        for receipt in receipts:
            receipt()
