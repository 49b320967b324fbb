"""Pure: what relays write down before and after they send, so that the next one goes on exactly there."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

Name = tuple[str, str]
"""Host and event id."""


class Intent(msgspec.Struct, frozen=True):
    """What will be sent, byte for byte, until the API took it or refused it."""

    id: str
    body: str
    members: tuple[Name, ...]


class Began(msgspec.Struct, frozen=True, tag="began"):
    """A relay has taken the lease."""

    holder: str
    epoch: int


class Try(msgspec.Struct, frozen=True, tag="try"):
    """A request is about to be made; the first one brings the intent along."""

    id: str
    key: str
    """The fingerprint of the key."""
    intent: Intent | None = None


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The API took it, or will never take it."""

    id: str
    refused: bool = False


class Dissolved(msgspec.Struct, frozen=True, tag="dissolved"):
    """The API did not take a fold: what it was to tell waits again."""

    id: str


class Carried(msgspec.Struct, frozen=True, tag="carried"):
    """What a relay knows of an earlier ledger, which the broker has lost."""

    intents: tuple[Intent, ...] = ()
    told: tuple[Name, ...] = ()


Entry = Began | Try | Done | Dissolved | Carried


def encode(entry: Entry) -> bytes:
    return msgspec.json.encode(entry)


def decode(data: bytes) -> Entry:
    """Return an entry; msgspec.MsgspecError where it is none."""
    found: Entry = msgspec.json.decode(data, type=Entry)
    return found


class Effect(msgspec.Struct, frozen=True):
    """What an entry changes of what is known."""

    opened: tuple[Intent, ...] = ()
    """Intents that are to be sent until they are done."""
    closed: tuple[str, ...] = ()
    """Intents that are done, or will not be sent any more."""
    told: tuple[Name, ...] = ()
    """Changes that need no telling any more."""
    requested: str = ""
    """The key of a request that was made, or nearly."""


def effect(entry: Entry, open_intents: Sequence[Intent]) -> Effect:
    """Return what an entry changes; `open_intents` are those that are known and not done."""
    if isinstance(entry, Try):
        return Effect(opened=(entry.intent,) if entry.intent else (), requested=entry.key)
    if isinstance(entry, Done):
        # What was refused may be handed over again, after `hostvigil events retry`.
        members = next((one.members for one in open_intents if one.id == entry.id and not entry.refused), ())
        return Effect(closed=(entry.id,), told=members)
    if isinstance(entry, Dissolved):
        return Effect(closed=(entry.id,))
    if isinstance(entry, Carried):
        return Effect(opened=entry.intents, told=entry.told)
    return Effect()
