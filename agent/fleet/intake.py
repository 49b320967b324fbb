"""Pure: a host's message -> the change that can be told of it."""

from __future__ import annotations

import msgspec

from agent.delivery.handover.message import decode, host_of
from agent.fleet.choosing import Choice, Group
from agent.fleet.folding import render
from agent.fleet.mailbox import Letter
from agent.model import Notification

ID_LIMIT = 64
EARLIEST = 1_000_000_000_000
DAY = 86_400_000


def parse_message(message: bytes, host: str, now: int) -> tuple[Notification, str]:
    """Return the change in a host's message and the id of the one before it; ValueError where it cannot be told.

    It is worded once to see that it can be: what one host hands over must not keep the relay from all others.
    `now` in Unix milliseconds.
    """
    change, after = decode(message)
    if not 1 <= len(change.id) <= ID_LIMIT or not change.id.isalnum() or len(after) > ID_LIMIT:
        raise ValueError("its id is none")
    change = sanitise(change, host, now)
    letter = Letter(host, 0, change)
    try:
        for is_fold in (False, True):
            render(Choice((Group(((letter,), (letter,))),), is_fold), 2)
    except Exception as error:  # noqa: BLE001 - whatever odd facts make of our own code, only this message is lost
        raise ValueError(f"it cannot be worded: {type(error).__name__}") from None
    return change, after


def sanitise(change: Notification, host: str, now: int) -> Notification:
    """Return the facts under the name that the broker vouches for: a host speaks of itself only.

    A time that no event can carry is replaced: for it the API would refuse the event of many other changes.
    `now` in Unix milliseconds.
    """
    name = host_of(host)
    at = change.at if EARLIEST <= change.at <= now + DAY else now
    if change.host.get("host") == name and at == change.at:
        return change
    return msgspec.structs.replace(change, at=at, host={**change.host, "host": name})
