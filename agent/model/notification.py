"""What is told, and to whom."""

from __future__ import annotations

import msgspec

from agent.model.results import Metric
from agent.model.status import EventStatus


class Notification(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change to be told: what happened, and no destination's words for it. Times are Unix milliseconds."""

    id: str
    check: str
    subject: str
    status: EventStatus
    at: int
    """When the change was observed."""
    type: str = ""
    previous: EventStatus | None = None
    since: int = 0
    """When `previous` was notified or decided; 0: there was none."""
    incident: str = ""
    """Shared by a problem and its recovery; empty for news of the agent itself, which is no problem."""
    incident_since: int = 0
    repeat: int = 0
    """The how many-th repetition of a problem that lasts; 0: news."""
    restated: bool = False
    """Told once more, to a destination that does not know of the problem."""
    summary: str = ""
    details: str = ""
    metrics: tuple[Metric, ...] = ()
    description: str = ""
    runbook: str = ""
    host: dict[str, str] = {}
    """What was found out about the host: `host`, `host_ip`, `os` ..."""
    tags: dict[str, str] = {}
    """The agent's and the check's own."""
    agent_version: str = ""


class Destination(msgspec.Struct, frozen=True):
    """Somebody who is told, as far as the store has to know him."""

    name: str
    identity: str
    """Who it is: it changes when another one is meant by the same name. A hash, for an address may hold a secret."""
    only: str = "*"
    """Which notifications it gets: a selector."""
