"""Pure: the facts -> what each name of a template stands for."""

from __future__ import annotations

from collections.abc import Mapping

from agent.config.template import put_in
from agent.delivery.digest import Digest
from agent.delivery.wording import SUMMARY_LIMIT, message, title
from agent.model import Notification
from agent.plugin.text import one_line
from agent.plugin.units import utc

Words = Mapping[str, Mapping[str, str]]
"""By name: a word for each status."""
OTHER = "other"
"""The word for each status that has none of its own."""


def values(told: Notification, words: Words) -> dict[str, str]:
    """Return what a notification has for each name."""
    found = {
        "title": title(told),
        "message": message(told),
        "summary": one_line(told.summary, SUMMARY_LIMIT),
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
    return found | _words(words, found)


def values_of_digest(many: Digest, words: Words) -> dict[str, str]:
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
    return found | _words(words, found)


def _words(words: Words, found: Mapping[str, str]) -> dict[str, str]:
    """Return the service's own words for this status; a word may have {...} of its own."""
    chosen = {name: by.get(found["status"], by.get(OTHER, found["status"])) for name, by in words.items()}
    return {f"word.{name}": put_in(word, found) for name, word in chosen.items()}


def _iso(at: int) -> str:
    return utc(at).strftime("%Y-%m-%dT%H:%M:%SZ")
