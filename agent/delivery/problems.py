"""What keeps events from getting through, said once when it begins and once when it ends."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable

from agent.plugin.units import duration_text
from agent.store import Due

log = logging.getLogger("hostvigil.emitter")


class DeliveryProblem(enum.Enum):
    """Why events are not getting through."""

    NONE = enum.auto()
    ONE_CHECK = enum.auto()
    OUTAGE = enum.auto()
    THROTTLED = enum.auto()
    BAD_KEY = enum.auto()


TROUBLES = {
    DeliveryProblem.ONE_CHECK: "%s: its event could not be delivered, it is kept and tried again: %s",
    DeliveryProblem.OUTAGE: "%s: events cannot be delivered, all are kept and tried again: %s",
    DeliveryProblem.THROTTLED: "%s: the API takes no more events for now, all are kept: %s",
    DeliveryProblem.BAD_KEY: "%s: NO EVENT CAN BE DELIVERED, all are kept and tried again every few minutes: %s",
}


class DeliveryProblems:
    """The trouble there is now, and since when on the monotonic clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.now = DeliveryProblem.NONE
        self._since = 0.0

    def say(self, trouble: DeliveryProblem, event: Due, text: str) -> None:
        """Take note; log it when it begins and when it ends, not at every try."""
        if trouble is self.now:
            return
        if trouble is DeliveryProblem.NONE:
            log.info("events are delivered again, after %s", duration_text(self._clock() - self._since))
        else:
            about = f"a digest of {event.members} changes" if event.members else event.check
            log.log(
                logging.ERROR if trouble is DeliveryProblem.BAD_KEY else logging.WARNING, TROUBLES[trouble], about, text
            )
        if self.now is DeliveryProblem.NONE:
            self._since = self._clock()
        self.now = trouble
