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


def values(change: Notification, words: Words) -> dict[str, str]:
    """Return what a notification has for each name."""
    fields = {
        "title": title(change),
        "message": message(change),
        "summary": one_line(change.summary, SUMMARY_LIMIT),
        "status": change.status.name.lower(),
        "previous": change.previous.name.lower() if change.previous else "",
        "host": change.host.get("host", ""),
        "check": change.check,
        "type": change.type,
        "subject": change.subject,
        "event_id": change.id,
        "incident_id": change.incident or change.id,  # news of the agent are of no incident; a service wants a key
        "date": _iso(change.at),
        "date_ms": str(change.at),
        "since": _iso(change.incident_since or change.at),
        **{f"tag.{name}": value for name, value in {**change.host, **change.tags}.items()},
    }
    return fields | _words(words, fields)


def values_of_digest(many: Digest, words: Words) -> dict[str, str]:
    """Return what a digest has for each name: what only one change has is empty, tags are those that all share."""
    each = [values(change, {}) for change in many.latest]
    common = {name: value for name, value in each[0].items() if all(other.get(name) == value for other in each)}
    fields = (
        {"incident_id": many.id, "since": _iso(many.at)}
        | common
        | {
            "title": many.title,
            "message": many.message,
            "summary": many.title,
            "status": many.status.name.lower(),
            "event_id": many.id,
            "date": _iso(many.at),
            "date_ms": str(many.at),
        }
    )
    return fields | _words(words, fields)


def _words(words: Words, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the service's own words for this status; a word may have {...} of its own."""
    texts = {name: by.get(fields["status"], by.get(OTHER, fields["status"])) for name, by in words.items()}
    return {f"word.{name}": put_in(word, fields) for name, word in texts.items()}


def _iso(at: int) -> str:
    return utc(at).strftime("%Y-%m-%dT%H:%M:%SZ")
