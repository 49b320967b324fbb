"""What waits -> a digest in the store."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from agent.delivery.sinks.truewatch.digest import digest
from agent.model import Event, EventStatus
from agent.store import Due, Store, StoredEvent

log = logging.getLogger("hostvigil.emitter")


def gathered(store: Store, chosen: Sequence[Due], most: int) -> bool:
    """Put as much as fits, `most` changes at the most, into a digest; False when there is nothing to put together."""
    seqs: dict[str, int] = {}
    composed, told = digest(_subjects(store, chosen, most, seqs))
    return len(told) > 1 and store.gather(composed, [seqs[event.event_id] for event in told])


def _subjects(store: Store, chosen: Sequence[Due], most: int, seqs: dict[str, int]) -> Iterator[list[Event]]:
    """Yield the changes of each subject, and note their numbers; reads only as far as it is asked."""
    for head in chosen:
        waiting = store.waiting(head.check, head.subject, most)
        if changes := [event for stored in waiting if (event := _event(stored))]:
            seqs |= {stored.event_id: stored.seq for stored in waiting}
            most -= len(changes)
            yield changes
        if most <= 0:
            return


def _event(stored: StoredEvent) -> Event | None:
    try:
        body = msgspec.json.decode(stored.body, type=dict[str, Any])
        return Event(
            stored.event_id, stored.check, stored.subject, EventStatus(stored.status), None, stored.created, body
        )
    except (msgspec.MsgspecError, ValueError) as error:
        log.error("%s: event %s cannot be read and goes by itself: %s", stored.check, stored.event_id, error)
        return None
