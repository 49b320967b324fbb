"""Pure: a change, or news of the agent itself -> the facts that are told of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent import __version__
from agent.config.settings import CheckConfig
from agent.engine.identity import notification_id
from agent.engine.self_check import OWN_NAME
from agent.model import EventStatus, Notification, Report, Result, State


class Sender(msgspec.Struct, frozen=True):
    """Who tells: what was found out about the host, and the agent's own tags."""

    host: Mapping[str, str]
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.host.get("host", "")


def of_change(report: Report, result: Result, config: CheckConfig, sender: Sender, now: int) -> Notification:
    """Return the facts of a change; `now` is the moment of the observation in Unix milliseconds."""
    id_ = notification_id(sender.name, config.name, result.subject, str(report.sequence), report.incident, str(now))
    return msgspec.structs.replace(
        _about(id_, result, config, sender, now),
        status=report.status,
        previous=report.previous,
        since=report.since,
        incident=report.incident,
        incident_since=report.incident_since,
        repeat=report.repeat,
    )


def of_standing(state: State, result: Result, config: CheckConfig, sender: Sender, to: str, now: int) -> Notification:
    """Return the facts of a problem that stands, for the destination `to` that does not know it; `now` as above."""
    id_ = notification_id(sender.name, state.check, state.subject, state.incident, "restated", to, str(now))
    return msgspec.structs.replace(
        _about(id_, result, config, sender, now),
        status=state.notified or EventStatus.NODATA,
        incident=state.incident,
        incident_since=state.incident_since,
        restated=True,
    )


def under_one_name(state: State, notification: Notification) -> tuple[State, Notification]:
    """Return both so that a whole incident is of one host, whatever the host is called meanwhile."""
    name = state.incident_host or notification.host.get("host", "")
    if state.incident_host:
        notification = msgspec.structs.replace(notification, host={**notification.host, "host": name})
    return msgspec.structs.replace(state, incident_host=name if state.incident else ""), notification


def of_agent(subject: str, text: str, sender: Sender, now: int, status: EventStatus = EventStatus.INFO) -> Notification:
    """Return news of the agent itself, of the subject of its check `hostvigil`; `now` in Unix milliseconds."""
    return Notification(
        id=notification_id(sender.name, OWN_NAME, subject, text, str(now)),
        check=OWN_NAME,
        subject=subject,
        status=status,
        at=now,
        type=OWN_NAME,
        summary=text,
        host=dict(sender.host),
        tags=dict(sender.tags),
        agent_version=__version__,
    )


def _about(id_: str, result: Result, config: CheckConfig, sender: Sender, now: int) -> Notification:
    return Notification(
        id=id_,
        check=config.name,
        subject=result.subject,
        status=EventStatus.NODATA,
        at=now,
        type=config.type,
        summary=result.summary,
        details=result.details,
        metrics=result.metrics,
        description=config.description,
        runbook=config.runbook,
        host=dict(sender.host),
        tags={**sender.tags, **config.tags},
        agent_version=__version__,
    )
