"""What keeps events from getting through, said once when it begins and once when it ends."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable

from agent.store import Due
from agent.units import duration_text

log = logging.getLogger("hostvigil.emitter")


class Trouble(enum.Enum):
    """Why events are not getting through."""

    NONE = enum.auto()
    ONE_CHECK = enum.auto()
    OUTAGE = enum.auto()
    THROTTLED = enum.auto()
    BAD_KEY = enum.auto()


TROUBLES = {
    Trouble.ONE_CHECK: "%s: its event could not be delivered, it is kept and tried again: %s",
    Trouble.OUTAGE: "%s: events cannot be delivered, all are kept and tried again: %s",
    Trouble.THROTTLED: "%s: the API takes no more events for now, all are kept: %s",
    Trouble.BAD_KEY: "%s: NO EVENT CAN BE DELIVERED, all are kept and tried again every few minutes: %s",
}


class Troubles:
    """The trouble there is now, and since when on the monotonic clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.now = Trouble.NONE
        self._since = 0.0

    def say(self, trouble: Trouble, event: Due, text: str) -> None:
        """Take note; log it when it begins and when it ends, not at every try."""
        if trouble is self.now:
            return
        if trouble is Trouble.NONE:
            log.info("events are delivered again, after %s", duration_text(self._clock() - self._since))
        else:
            about = f"a digest of {event.members} changes" if event.members else event.check
            log.log(logging.ERROR if trouble is Trouble.BAD_KEY else logging.WARNING, TROUBLES[trouble], about, text)
        if self.now is Trouble.NONE:
            self._since = self._clock()
        self.now = trouble
