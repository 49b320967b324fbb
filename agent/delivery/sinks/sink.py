"""What every kind of destination can do."""

from __future__ import annotations

from typing import Protocol

from agent.delivery.answer import Answer
from agent.delivery.digest import Digest
from agent.model import Notification


class Sink(Protocol):
    """Words notifications for one kind of destination, and hands them over. One emitter's thread uses it."""

    def render(self, change: Notification) -> bytes:
        """Return the bytes of one notification; they are kept, so that every try sends the same."""

    def bundle(self, many: Digest) -> bytes:
        """Return the bytes of one digest."""

    def post(self, body: bytes) -> Answer:
        """Send what was rendered. Returns an answer whatever happens, within the destination's time-out."""
