"""Pure: a host's message -> the change that can be told of it."""

from __future__ import annotations

import msgspec

from agent.delivery.handover.message import decode, host_of
from agent.fleet.choosing import Choice, Group
from agent.fleet.folding import worded
from agent.fleet.mailbox import Letter
from agent.model import Notification

ID_LIMIT = 64
EARLIEST = 1_000_000_000_000
DAY = 86_400_000


def taken_in(message: bytes, host: str, now: int) -> tuple[Notification, str]:
    """Return the change in a host's message and the id of the one before it; ValueError where it cannot be told.

    It is worded once to see that it can be: what one host hands over must not keep the relay from all others.
    """
    told, after = decode(message)
    if not 1 <= len(told.id) <= ID_LIMIT or not told.id.isalnum() or len(after) > ID_LIMIT:
        raise ValueError("its id is none")
    told = vouched(told, host, now)
    letter = Letter(host, 0, told)
    try:
        for folded in (False, True):
            worded(Choice((Group(((letter,), (letter,))),), folded), 2)
    except Exception as error:  # noqa: BLE001 - whatever odd facts make of our own code, only this message is lost
        raise ValueError(f"it cannot be worded: {type(error).__name__}") from None
    return told, after


def vouched(told: Notification, host: str, now: int) -> Notification:
    """Return the facts under the name that the broker vouches for: a host speaks of itself only.

    What no event could carry, a moment that is none, would have the event of many others refused.
    """
    name = host_of(host)
    at = told.at if EARLIEST <= told.at <= now + DAY else now
    if told.host.get("host") == name and at == told.at:
        return told
    return msgspec.structs.replace(told, at=at, host={**told.host, "host": name})
