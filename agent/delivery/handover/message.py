"""What host and relay say to each other over a broker: facts, and receipts for them. Pure."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from agent.model import Notification

FACTS = "hostvigil.facts"
RECEIPTS = "hostvigil.receipts"
FACTS_STREAM = "HOSTVIGIL_FACTS"
MESSAGE_BYTES = 128 * 1024
"""The largest message that the broker takes of a host."""
TOKEN_LIMIT = 200

_PLAIN = re.compile(r"[A-Za-z0-9_-]")


class Handed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change, as a host hands it over."""

    facts: msgspec.Raw
    """The notification as JSON, as the host's store holds it."""
    after: str = ""
    """The id of the change of the same subject that is to be told before it; empty where it is the first."""


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a change, for the host that handed it over."""

    id: str
    verdict: Literal["told", "refused"]
    text: str = ""


def token(host: str) -> str:
    """Return the host's name as one word of a subject: other characters than letters, digits, - and _ as =XX."""
    found = "".join(char if _PLAIN.match(char) else _escaped(char) for char in host)
    return found[:TOKEN_LIMIT] or "="


def _escaped(char: str) -> str:
    return "".join(f"={byte:02X}" for byte in char.encode("utf-8", "replace"))


def encode(facts: bytes, after: str = "") -> bytes:
    return msgspec.json.encode(Handed(msgspec.Raw(facts), after))


def decode(message: bytes) -> tuple[Notification, str]:
    """Return the change and the id of the one before it; ValueError where the message is not one of ours."""
    try:
        found = msgspec.json.decode(message, type=Handed)
        return msgspec.json.decode(found.facts, type=Notification), found.after
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(f"it cannot be read: {error}") from None


def receipts(message: bytes) -> list[Receipt]:
    """Return the receipts in a message; none where it is not one of the relay's."""
    try:
        return msgspec.json.decode(message, type=list[Receipt])
    except (msgspec.MsgspecError, ValueError):
        return []
