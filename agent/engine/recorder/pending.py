"""Writes what waits: changes in one transaction, the last results lazily; then tells who waits for it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from agent.engine.recorder.changes import note_all, worth_keeping, write_all
from agent.engine.recorder.write_buffer import WriteBuffer
from agent.store import RoomMade, Store, StoreError

log = logging.getLogger("hostvigil.recorder")

NOTE_SECONDS = 1.0
"""Steady results are nice to know, not to lose: they are written so often at the most, without waiting for the disk."""
RETRY_SECONDS = 5.0
"""Between tries while the disk takes nothing."""


class PendingWrites:
    """Owned by the recorder's thread. `on_events` is called when events were written."""

    def __init__(
        self, store: Store, buffer: WriteBuffer, on_events: Callable[[], None], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._buffer = buffer
        self._on_events = on_events
        self._monotonic = monotonic
        self._receipts: list[Callable[[], None]] = []
        self._write_at = 0.0
        """When changes may be written, in monotonic seconds; 0: at once, the disk takes them."""
        self._note_at = 0.0

    def receipt(self, call: Callable[[], None]) -> None:
        """Call it when all that waits now is written."""
        self._receipts.append(call)

    @property
    def nothing_to_tell(self) -> bool:
        """Every change is written."""
        return not self._buffer.changes

    def next_write(self) -> float:
        """Return when there is something to write, in monotonic seconds."""
        times = [self._write_at] * bool(self._buffer.changes) + [self._note_at] * self._buffer.has_notes
        return min(times, default=math.inf)

    def write(self, everything: bool = False) -> None:
        """Write what is due, or everything there is; then tell who waits for it."""
        now = self._monotonic()
        if self._buffer.changes and (now >= self._write_at or everything):
            if self._buffer.notes and not self._buffer.forgotten:
                # Before: a kill between the two leaves no state whose last run is not known.
                self._write_notes(memories=False)
            self._write_changes()
        if self._buffer.has_notes and (now >= self._note_at or everything):
            self._write_notes()
        if self._receipts and not self._buffer.changes:
            self._acknowledge()

    def _write_changes(self) -> None:
        try:
            write_all(self._store, self._buffer.changes, self._buffer.memories, self._buffer.forgotten)
        except RoomMade:
            self._write_changes()  # others may use what was made free, so at once
            return
        except StoreError as error:
            if not self._write_at:
                log.error("nothing can be written; changes are held in memory until it can: %s", error)
            self._write_at = self._monotonic() + RETRY_SECONDS
            self._buffer.changes = worth_keeping(self._buffer.changes)
            return
        if self._write_at:
            log.warning("writing works again; the changes held in memory are written")
        self._write_at = 0.0
        events = any(change.notification for change in self._buffer.changes)
        self._buffer.changes, self._buffer.memories, self._buffer.forgotten = [], {}, set()
        if events:
            self._on_events()

    def _write_notes(self, memories: bool = True) -> None:
        pause, unwritten = NOTE_SECONDS, {}
        try:
            note_all(self._store, list(self._buffer.notes.values()), self._buffer.memories if memories else {})
            self._buffer.memories = {} if memories else self._buffer.memories
            for name, value in self._buffer.facts.items():
                self._store.keep_fact(name, value())
        except StoreError as error:
            log.info("the last results could not be noted: %s", error)
            # By what nobody runs it is judged again after a restart: there is no fresh one to be had.
            pause, unwritten = RETRY_SECONDS, {key: run for key, run in self._buffer.notes.items() if not run.next_at}
        self._buffer.notes, self._buffer.facts = unwritten, {}
        self._note_at = self._monotonic() + pause

    def _acknowledge(self) -> None:
        if self._buffer.has_notes:
            self._write_notes()
        receipts, self._receipts = self._receipts, []
        for receipt in receipts:
            receipt()
