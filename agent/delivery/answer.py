"""What came of one request to a destination, and what that means for the notification in it."""

from __future__ import annotations

import enum

import msgspec


class Verdict(enum.StrEnum):
    """What an answer means for what was sent."""

    DELIVERED = "delivered"
    THROTTLED = "throttled"
    """Too many requests: the notification is fine, wait."""
    BAD_KEY = "bad key"
    """The notification is fine, nothing gets through until somebody mends the key."""
    REFUSED = "refused"
    """The destination will never take this one."""
    UNAVAILABLE = "unavailable"
    """Nothing is known about it: try again."""


class Answer(msgspec.Struct, frozen=True):
    """What came of one request."""

    verdict: Verdict
    text: str
    """For the log and `hostvigil events`: what was answered, and what to do about it."""
    trace_id: str = ""
    retry_after: float = 0.0
    """Seconds the destination asks to wait; 0 when it does not say."""
