"""Pure: a change -> one create-event call, worded and complete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent import __version__
from agent.event.tags import custom_tags
from agent.event.wording import message, title
from agent.model import Event, Report, Result
from agent.settings import CheckConfig

ORIGIN = "hostvigil"


def compose(
    report: Report,
    result: Result,
    config: CheckConfig,
    host: Mapping[str, str],
    agent_tags: Mapping[str, str],
    now: int,
) -> Event:
    """Word a change. `host` is what `hosttags` found, `now` the moment of the observation in Unix milliseconds."""
    event_id = _id(host.get("host", ""), config.name, result.subject, str(report.sequence), report.incident, str(now))
    own = {
        **host,
        "check_name": config.name,
        "check_type": config.type,
        "subject": result.subject,
        "previous_status": report.previous.name.lower() if report.previous else "",
        "incident_id": report.incident,
        "event_id": event_id,
        "agent_version": __version__,
    }
    body = {
        "date": now,
        "status": str(report.status),
        "title": title(report, result, config.name, host.get("host", ""), now),
        "message": message(report, result, config, host.get("host", ""), now),
        "origin": ORIGIN,
        "customTags": custom_tags(own, {**agent_tags, **config.tags}),
    }
    return Event(event_id, config.name, result.subject, report.status, report.previous, now, body)


def info_event(text: str, host: Mapping[str, str], agent_tags: Mapping[str, str], now: int) -> dict[str, Any]:
    """Return the body of an event that is about no check: `hostvigil test-event`."""
    name = host.get("host", "")
    own = {**host, "event_id": _id(name, text, str(now)), "agent_version": __version__}
    return {
        "date": now,
        "status": "info",
        "title": f"INFO hostvigil on {name}: {text}",
        "message": f"- host: {name}\n- agent: hostvigil {__version__}\n- {text}",
        "origin": ORIGIN,
        "customTags": custom_tags(own, agent_tags),
    }


def _id(*parts: str) -> str:
    """Name an event by what it tells and when it was seen: composed again, the same change has the same name.

    The moment and the incident are in it because a host whose database was lost begins to count at 1 again.
    """
    # Late: it brings OpenSSL along, some 3 MB that an agent without a change does not need.
    from hashlib import blake2s

    return blake2s("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
