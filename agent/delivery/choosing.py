"""Pure: which event goes out now, and when many go out as one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from agent.delivery.digest import SUBJECTS_LIMIT
from agent.store import Due

DIGEST_TRIES = 5
"""A digest that failed so often is taken apart: it may be what does not get through."""


def choose(due: Sequence[Due], waits: Mapping[int, float], outage: bool, now: float) -> Due | float:
    """Return the event to send now, or the seconds until one may be sent.

    `due` is digests and the first event of every subject, the most urgent first: whatever is chosen, no subject's
    events change their order. In an outage another subject's event probes each time: should one event be what the API
    cannot digest, the others soon find their way.
    """
    if not due:
        return math.inf
    if outage:
        return min(due, key=lambda event: event.attempts)
    free = ready(due, waits, now)
    return free[0] if free else min(waits[event.seq] for event in due) - now


def ready(due: Sequence[Due], waits: Mapping[int, float], now: float) -> list[Due]:
    """Return those that need not wait; `waits` is until when each waits after a failure, monotonic seconds, by seq."""
    return [event for event in due if waits.get(event.seq, now) <= now] if waits else list(due)


def to_bundle(free: Sequence[Due], above: float) -> list[Due]:
    """Return what a digest should tell, the most urgent first.

    Nothing while so few wait that each can go by itself, or while another digest is on its way.
    """
    if any(event.members for event in free) or _changes(free) <= above:
        return []
    return list(free)


def is_full(events: Sequence[Due]) -> bool:
    """Whether waiting for more would make the digest no better."""
    return len(events) >= SUBJECTS_LIMIT or _changes(events) >= 2 * SUBJECTS_LIMIT


def _changes(events: Sequence[Due]) -> int:
    return sum(event.changes for event in events)


def find_stuck(due: Sequence[Due]) -> list[Due]:
    """Return digests that fail again and again."""
    return [event for event in due if event.members and event.attempts >= DIGEST_TRIES]
