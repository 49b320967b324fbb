"""What the agent tells of itself: that it lives, and what its store has to say."""

from __future__ import annotations

import math
from collections.abc import Callable

from agent.model import EventStatus, Notification
from agent.store import DAMAGED, LOST, SUPERSEDED, Outbox, StoreNotice

ComposeAgentEvent = Callable[[str, str, EventStatus], Notification]
"""Makes news of the agent itself: the part of it, the text, how urgent it is."""
Append = Callable[[Notification, StoreNotice], None]
"""Puts a notification into the outbox, and notes that with it a notice of the store is told."""

NOTICES = {
    SUPERSEDED: (
        "outbox",
        EventStatus.INFO,
        "{0.count} changes were never told to {1}, because later ones replaced them while the outbox was full",
    ),
    LOST: ("outbox", EventStatus.WARNING, "{0.count} changes are lost for {1}, because the outbox was full"),
    DAMAGED: ("store", EventStatus.WARNING, "{0.text}"),
}


class AgentNews:
    """News for one destination. Its emitter's thread owns it."""

    def __init__(self, outbox: Outbox, compose: ComposeAgentEvent, append: Append, heartbeat: float = 0.0) -> None:
        self._outbox = outbox
        self._compose = compose
        self._append = append
        self.heartbeat = heartbeat
        """Seconds between signs of life; 0: none."""
        self._beat_at = 0.0
        self._has_delivered = True

    def note_success(self) -> None:
        self._has_delivered = True

    def say_notices(self) -> None:
        """Turn what the store has to say into notifications; what its bounds cost only when something got through."""
        for notice in self._outbox.notices():
            if self._has_delivered or notice.name == DAMAGED:
                name, _, destination = notice.name.partition(":")
                subject, status, text = NOTICES[name]
                self._append(self._compose(subject, text.format(notice, destination), status), notice)
        self._has_delivered = False

    def sign_of_life(self, now: float) -> Notification | None:
        """Return one where it is time for it (monotonic seconds). It is in no store: a missed one needs no telling."""
        if not self.heartbeat or now < self._beat_at:
            return None
        self._beat_at = now + self.heartbeat
        return self._compose("heartbeat", "alive", EventStatus.INFO)

    def wait(self, now: float) -> float:
        """Return the seconds until the next sign of life."""
        return max(0.0, self._beat_at - now) if self.heartbeat else math.inf
