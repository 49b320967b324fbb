"""What keeps notifications from getting through, said once when it begins and once when it ends."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable

from agent.plugin.units import duration_text
from agent.store import Due

log = logging.getLogger("hostvigil.emitter")


class DeliveryProblem(enum.Enum):
    """Why notifications are not getting through."""

    NONE = enum.auto()
    ONE_CHECK = enum.auto()
    OUTAGE = enum.auto()
    THROTTLED = enum.auto()
    BAD_KEY = enum.auto()


TEXTS = {
    DeliveryProblem.ONE_CHECK: "%s: %s could not be delivered, it is kept and tried again: %s",
    DeliveryProblem.OUTAGE: "%s: %s: events cannot be delivered, all are kept and tried again: %s",
    DeliveryProblem.THROTTLED: "%s: %s: the API takes no more events for now, all are kept: %s",
    DeliveryProblem.BAD_KEY: "%s: %s: NO EVENT CAN BE DELIVERED, all are kept and tried again every few minutes: %s",
}


class DeliveryProblems:
    """The problem of one destination now, and since when on the monotonic clock. Its emitter's thread uses it."""

    def __init__(self, destination: str, clock: Callable[[], float]) -> None:
        self._destination = destination
        self._clock = clock
        self.now = DeliveryProblem.NONE
        self._since = 0.0

    def say(self, problem: DeliveryProblem, about: Due, text: str) -> None:
        """Take note of one; log it when it begins, not at every try."""
        if problem is self.now:
            return
        subject = f"a digest of {about.members} changes" if about.members else f"the event of {about.check}"
        level = logging.ERROR if problem is DeliveryProblem.BAD_KEY else logging.WARNING
        log.log(level, TEXTS[problem], self._destination, subject, text)
        if self.now is DeliveryProblem.NONE:
            self._since = self._clock()
        self.now = problem

    def over(self) -> None:
        """Something got through."""
        if self.now is DeliveryProblem.NONE:
            return
        self.now = DeliveryProblem.NONE
        duration = duration_text(self._clock() - self._since)
        log.info("%s: events are delivered again, after %s", self._destination, duration)
