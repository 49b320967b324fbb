"""Pure: the facts -> what each name of a template stands for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from agent.config.template import put_in
from agent.delivery.digest import Digest
from agent.delivery.wording import message, summary, title
from agent.model import Notification

OTHER = "other"
"""The word for each status that has none of its own."""


def values(told: Notification, words: Mapping[str, str]) -> dict[str, str]:
    """Return what a notification has for each name."""
    found = {
        "title": title(told),
        "message": message(told),
        "summary": summary(told),
        "status": told.status.name.lower(),
        "previous": told.previous.name.lower() if told.previous else "",
        "host": told.host.get("host", ""),
        "check": told.check,
        "type": told.type,
        "subject": told.subject,
        "event_id": told.id,
        "incident_id": told.incident,
        "date": _iso(told.at),
        "date_ms": str(told.at),
        "since": _iso(told.incident_since) if told.incident_since else "",
        **{f"tag.{name}": value for name, value in {**told.host, **told.tags}.items()},
    }
    return found | {"word": _word(words, found)}


def values_of_digest(many: Digest, words: Mapping[str, str]) -> dict[str, str]:
    """Return what a digest has for each name: what only one change has is empty, tags are those that all share."""
    each = [values(change, {}) for change in many.latest]
    shared = {name: value for name, value in each[0].items() if all(other.get(name) == value for other in each)}
    found = shared | {
        "title": many.title,
        "message": many.message,
        "summary": many.title,
        "status": many.status.name.lower(),
        "event_id": many.id,
        "date": _iso(many.at),
        "date_ms": str(many.at),
    }
    return found | {"word": _word(words, found)}


def _word(words: Mapping[str, str], found: Mapping[str, str]) -> str:
    word = words.get(found["status"], words.get(OTHER, found["status"]))
    return put_in(word, found)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
