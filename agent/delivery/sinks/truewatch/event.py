"""Pure: a change -> one create-event call, worded and complete."""

from __future__ import annotations

from collections.abc import Mapping

from agent import __version__
from agent.config.settings import CheckConfig
from agent.config.tags import custom_tags
from agent.delivery.sinks.truewatch.identity import ORIGIN, event_id
from agent.delivery.sinks.truewatch.wording import TITLE_LIMIT, message, title
from agent.model import Event, EventStatus, Report, Result
from agent.plugin.text import cut, one_line

OWN_CHECK = "hostvigil"


def compose(
    report: Report,
    result: Result,
    config: CheckConfig,
    host: Mapping[str, str],
    agent_tags: Mapping[str, str],
    now: int,
) -> Event:
    """Word a change. `host` is what `hosttags` found, `now` the moment of the observation in Unix milliseconds."""
    name = event_id(host.get("host", ""), config.name, result.subject, str(report.sequence), report.incident, str(now))
    own = {
        **host,
        "check_name": config.name,
        "check_type": config.type,
        "subject": result.subject,
        "previous_status": report.previous.name.lower() if report.previous else "",
        "incident_id": report.incident,
        "event_id": name,
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
    return Event(name, config.name, result.subject, report.status, report.previous, now, body)


def own_event(
    subject: str,
    text: str,
    host: Mapping[str, str],
    agent_tags: Mapping[str, str],
    now: int,
    status: EventStatus = EventStatus.INFO,
) -> Event:
    """Word news of the agent itself; `subject` is the part of it, of the check `hostvigil`."""
    name = host.get("host", "")
    id_ = event_id(name, OWN_CHECK, subject, text, str(now))
    identity = {"check_name": OWN_CHECK, "check_type": OWN_CHECK, "subject": subject, "event_id": id_}
    own = {**host, **identity, "agent_version": __version__}
    said = one_line(text, 2000)
    body = {
        "date": now,
        "status": str(status),
        "title": cut(f"{status.name} hostvigil on {one_line(name, 100)}: {said}", TITLE_LIMIT),
        "message": f"- host: {one_line(name, 100)}\n- agent: hostvigil {__version__}\n- {subject}: {said}",
        "origin": ORIGIN,
        "customTags": custom_tags(own, agent_tags),
    }
    return Event(id_, OWN_CHECK, subject, status, None, now, body)
