"""Settings of a webhook, the facts of a problem, and the recipes of the documents."""

from __future__ import annotations

from agent.model import EventStatus, Notification
from tests.delivery.deliveries import HOST, NOW

PROBLEM = Notification(
    id="e1",
    check="root-disk",
    subject="/",
    status=EventStatus.CRITICAL,
    at=NOW,
    type="disk",
    previous=EventStatus.OK,
    incident="i1",
    incident_since=NOW - 60_000,
    summary='it says "full"\\',
    host=HOST,
    tags={"env": "prod"},
)
