"""Pure: a notification, or a digest of many -> the JSON body of one create-event call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.config.tags import custom_tags
from agent.delivery.digest import Digest
from agent.delivery.wording import message, title
from agent.model import Notification

ORIGIN = "hostvigil"


def event(told: Notification) -> dict[str, Any]:
    """Word one notification."""
    return {
        "date": told.at,
        "status": str(told.status),
        "title": title(told),
        "message": message(told),
        "origin": ORIGIN,
        "customTags": tags(told),
    }


def digest_event(many: Digest) -> dict[str, Any]:
    """Word many; what pairs problem and recovery stays in the tags where it is of one subject only."""
    shared = _tags_of_one(many.changes) if many.alone else _shared_tags(many.latest)
    return {
        "date": many.at,
        "status": str(many.status),
        "title": many.title,
        "message": many.message,
        "origin": ORIGIN,
        "customTags": {**shared, "event_id": many.id, "digest": str(len(many.changes))},
    }


def tags(told: Notification) -> dict[str, str]:
    """Return the tags of an event: the agent's own first, they are never pushed out."""
    own = {
        **told.host,
        "check_name": told.check,
        "check_type": told.type,
        "subject": told.subject,
        "previous_status": told.previous.name.lower() if told.previous else "",
        "incident_id": told.incident,
        "event_id": told.id,
        "agent_version": told.agent_version,
    }
    return custom_tags(own, told.tags)


def _shared_tags(changes: Sequence[Notification]) -> dict[str, str]:
    """Return what all of them say: the host's tags, and a service's where all are of one service."""
    shared = tags(changes[0])
    for change in changes:
        other = tags(change)
        shared = {name: value for name, value in shared.items() if other.get(name) == value}
    return {name: value for name, value in shared.items() if name != "previous_status"}


def _tags_of_one(changes: Sequence[Notification]) -> dict[str, str]:
    """Keep what pairs problem and recovery; the status before is the one before the first."""
    latest = {name: value for name, value in tags(changes[-1]).items() if name != "previous_status"}
    before = tags(changes[0]).get("previous_status")
    return {**latest, "previous_status": before} if before else latest
