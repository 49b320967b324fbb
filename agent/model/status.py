"""What is said of a subject: by a run, by us, and to a destination."""

from __future__ import annotations

import enum


class Status(enum.StrEnum):
    """What a run, or we, say of a subject. The words are the API's own."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    NODATA = "nodata"


SEVERITY = {Status.OK: 0, Status.NODATA: 1, Status.WARNING: 2, Status.CRITICAL: 3}
"""When several results speak of one subject, a known problem outweighs not knowing."""


class EventStatus(enum.StrEnum):
    """What a destination can be told of a subject. The words are the create-event API's."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    NODATA = "nodata"
    FLAPPING = "error"
    """It changes too often to tell each change. The API's `error` lies between warning and critical."""
    INFO = "info"
    """News of the agent itself: no problem and no recovery."""


URGENCY = (
    EventStatus.CRITICAL,
    EventStatus.FLAPPING,
    EventStatus.WARNING,
    EventStatus.NODATA,
    EventStatus.OK,
    EventStatus.INFO,
)
"""The most urgent first."""
