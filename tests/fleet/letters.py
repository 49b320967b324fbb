"""What tests of the relay share: letters by host and number."""

from __future__ import annotations

from agent.delivery.handover.message import token
from agent.fleet.mailbox import Letter
from agent.model import EventStatus, Notification

NOW = 1_700_000_000_000


def letter(
    host: str,
    number: int,
    status: EventStatus = EventStatus.CRITICAL,
    check: str = "shop",
    subject: str = "",
    after: str = "",
    arrived: float = 0.0,
    summary: str = "HTTP 503",
) -> Letter:
    told = Notification(
        id=f"{number:032x}",
        check=check,
        subject=subject,
        status=status,
        at=NOW + number,
        type="http",
        incident="incident",
        incident_since=NOW,
        summary=summary,
        host={"host": host, "os": "linux"},
        tags={"env": "prod"},
    )
    return Letter(token(host), number, told, after, arrived)


def none_told(name: tuple[str, str]) -> bool:
    return False
