"""What host and relay say to each other over a broker: facts, and receipts for them. Pure."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from agent.model import Notification

FACTS = "hostvigil.facts"
RECEIPTS = "hostvigil.receipts"
ALIVE = "hostvigil.alive"
ALIVE_BYTES = 2048
"""The largest sign of life that the broker takes."""
MEMORY = "hostvigil.memory"
"""What relays answer with the name of the broker's memory: a broker that lost its disks has another."""
FACTS_STREAM = "HOSTVIGIL_FACTS"
MESSAGE_BYTES = 128 * 1024
"""The largest message that the broker takes of a host."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]")
_ESCAPE = re.compile(rb"=([0-9A-F]{2})")
_SLIM_DETAILS = 4000
_SLIM_METRICS = 100


class Handover(msgspec.Struct, frozen=True, omit_defaults=True):
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


class Beat(msgspec.Struct, frozen=True):
    """A sign of life."""

    ttl: float
    """Seconds after which the host is missing, unless there is another sign of it."""
    host: dict[str, str] = {}
    tags: dict[str, str] = {}


def encode_beat(ttl: float, change: Notification) -> bytes:
    """Return a host's sign of life, good for `ttl` seconds; without its tags where they are too many for the broker."""
    message = msgspec.json.encode(Beat(ttl, change.host, change.tags))
    return message if len(message) <= ALIVE_BYTES // 2 else msgspec.json.encode(Beat(ttl))


def token(host: str) -> str:
    """Return the host's name as one word of a subject: other characters than letters, digits, - and _ as =XX."""
    return "".join(char if _PLAIN.match(char) else _escape(char) for char in host) or "="


def host_of(word: str) -> str:
    """Return the name that a word of a subject stands for."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), word.encode()).decode(errors="replace").strip("=")


def _escape(char: str) -> str:
    return "".join(f"={byte:02X}" for byte in char.encode("utf-8", "replace"))


def encode(facts: bytes, after: str = "") -> bytes:
    """Return the message; ValueError where the broker would not take it, or the facts cannot be read."""
    message = msgspec.json.encode(Handover(msgspec.Raw(facts), after))
    if len(message) > MESSAGE_BYTES:
        message = msgspec.json.encode(Handover(msgspec.Raw(_slim(facts)), after))
    if len(message) > MESSAGE_BYTES:
        raise ValueError(f"it has {len(message)} bytes, more than the {MESSAGE_BYTES} that the broker takes")
    return message


def _slim(facts: bytes) -> bytes:
    """Leave out what no event shows anyway."""
    change, _ = decode(msgspec.json.encode(Handover(msgspec.Raw(facts))))
    less = {"details": change.details[: 2 * _SLIM_DETAILS], "metrics": change.metrics[:_SLIM_METRICS]}
    return msgspec.json.encode(msgspec.structs.replace(change, **less))


def decode(message: bytes) -> tuple[Notification, str]:
    """Return the change and the id of the one before it; ValueError where the message is not one of ours."""
    try:
        handover = msgspec.json.decode(message, type=Handover)
        return msgspec.json.decode(handover.facts, type=Notification), handover.after
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(f"it cannot be read: {error}") from None


def receipts(message: bytes) -> list[Receipt]:
    """Return the receipts in a message; none where it is not one of the relay's."""
    try:
        return msgspec.json.decode(message, type=list[Receipt])
    except (msgspec.MsgspecError, ValueError):
        return []
