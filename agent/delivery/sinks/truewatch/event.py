"""Pure: a notification, or a digest of many -> the JSON body of one create-event call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.config.tags import custom_tags
from agent.delivery.digest import Digest
from agent.delivery.wording import message, title
from agent.model import Notification

ORIGIN = "hostvigil"


def event(change: Notification) -> dict[str, Any]:
    """Word one notification."""
    return {
        "date": change.at,
        "status": str(change.status),
        "title": title(change),
        "message": message(change),
        "origin": ORIGIN,
        "customTags": tags(change),
    }


def digest_event(many: Digest) -> dict[str, Any]:
    """Word many; what pairs problem and recovery stays in the tags where it is of one subject only."""
    common = _tags_of_one(many.changes) if many.alone else _intersect_tags(many.latest)
    return {
        "date": many.at,
        "status": str(many.status),
        "title": many.title,
        "message": many.message,
        "origin": ORIGIN,
        "customTags": {**common, "event_id": many.id, "digest": str(len(many.changes))},
    }


def tags(change: Notification) -> dict[str, str]:
    """Return the tags of an event: the agent's own first, they are never pushed out."""
    own = {
        **change.host,
        "check_name": change.check,
        "check_type": change.type,
        "subject": change.subject,
        "previous_status": change.previous.name.lower() if change.previous else "",
        "incident_id": change.incident,
        "event_id": change.id,
        "agent_version": change.agent_version,
    }
    return custom_tags(own, change.tags)


def _intersect_tags(changes: Sequence[Notification]) -> dict[str, str]:
    """Return what all of them say: the host's tags, and a service's where all are of one service."""
    common = tags(changes[0])
    for change in changes:
        other = tags(change)
        common = {name: value for name, value in common.items() if other.get(name) == value}
    return {name: value for name, value in common.items() if name != "previous_status"}


def _tags_of_one(changes: Sequence[Notification]) -> dict[str, str]:
    """Keep what pairs problem and recovery; the status before is the one before the first."""
    latest = {name: value for name, value in tags(changes[-1]).items() if name != "previous_status"}
    before = tags(changes[0]).get("previous_status")
    return {**latest, "previous_status": before} if before else latest
