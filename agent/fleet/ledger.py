"""Pure: what relays write down before and after they send, so that the next one goes on exactly there."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.model import EventStatus, Silence

Name = tuple[str, str]
"""Host and event id."""


class Intent(msgspec.Struct, frozen=True):
    """What will be sent, byte for byte, until the API took it or refused it."""

    id: str
    body: str
    members: tuple[Name, ...]


class Takeover(msgspec.Struct, frozen=True, tag="began"):
    """A relay has taken the lease."""

    holder: str
    epoch: int


class Try(msgspec.Struct, frozen=True, tag="try"):
    """A request is about to be made; the first one brings the intent along."""

    id: str
    key: str
    """The fingerprint of the key."""
    intent: Intent | None = None


class Completion(msgspec.Struct, frozen=True, tag="done"):
    """The API took it, or will never take it."""

    id: str
    refused: bool = False


class Split(msgspec.Struct, frozen=True, tag="dissolved"):
    """The API did not take a fold: what it was to tell waits again."""

    id: str


class CarryOver(msgspec.Struct, frozen=True, tag="carried"):
    """What a relay knows of an earlier ledger, which the broker has lost."""

    intents: tuple[Intent, ...] = ()
    told: tuple[Name, ...] = ()


class HostLife(msgspec.Struct, frozen=True, omit_defaults=True):
    """A host that gives signs of life. Times are Unix milliseconds."""

    host: str
    """Its word in subjects."""
    since: int
    """When it was first heard of; two lives of one name differ in it."""
    ttl: float
    """Seconds without a sign after which it is missing, as it said itself."""
    beat: str = msgspec.field(default='{"ttl":0.0}', name="said")
    """Its name and tags, as JSON of a `Beat`."""
    turns: int = 0
    """How often it went missing or came back: odd while it is missing."""
    turned_at: int = 0

    @property
    def missing(self) -> bool:
        return self.turns % 2 == 1


class ParentStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a check said last that others depend on."""

    host: str
    check: str
    subject: str
    status: EventStatus
    since: int
    """When the broker took it, Unix milliseconds."""
    was_down: bool = False
    """It was critical or nodata before."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.host, self.check, self.subject


class NotesUpdate(msgspec.Struct, frozen=True, tag="noted", omit_defaults=True):
    """What is known now of hosts, parents and silences; each in place of what was known of it before."""

    hosts: tuple[HostLife, ...] = ()
    forgotten: tuple[str, ...] = ()
    """Hosts by their words."""
    parents: tuple[ParentStatus, ...] = ()
    silences: tuple[Silence, ...] | None = None
    """All there are; None: as before."""
    whole: bool = False
    """With this entry everything that is known was written once more."""


class Discard(msgspec.Struct, frozen=True, tag="settled"):
    """Changes that were held back, and over before that ended: they are not told."""

    names: tuple[Name, ...]


Entry = Takeover | Try | Completion | Split | CarryOver | NotesUpdate | Discard


def encode(entry: Entry) -> bytes:
    return msgspec.json.encode(entry)


def decode(data: bytes) -> Entry:
    """Return an entry; msgspec.MsgspecError where it is none."""
    entry: Entry = msgspec.json.decode(data, type=Entry)
    return entry


class Effect(msgspec.Struct, frozen=True):
    """What an entry changes of what is known."""

    new_intents: tuple[Intent, ...] = ()
    """Intents that are to be sent until they are done."""
    finished_ids: tuple[str, ...] = ()
    """Intents that are done, or will not be sent any more."""
    names: tuple[Name, ...] = ()
    """Changes that need no telling any more."""
    key: str = ""
    """The key of a request that was made, or nearly."""
    notes: NotesUpdate | None = None


def effect(entry: Entry, open_intents: Sequence[Intent]) -> Effect:
    """Return what an entry changes; `open_intents` are those that are known and not done."""
    if isinstance(entry, Try):
        return Effect(new_intents=(entry.intent,) if entry.intent else (), key=entry.key)
    if isinstance(entry, Completion):
        # What was refused may be handed over again, after `hostvigil events retry`.
        members = next((one.members for one in open_intents if one.id == entry.id and not entry.refused), ())
        return Effect(finished_ids=(entry.id,), names=members)
    if isinstance(entry, Split):
        return Effect(finished_ids=(entry.id,))
    if isinstance(entry, CarryOver):
        return Effect(new_intents=entry.intents, names=entry.told)
    if isinstance(entry, NotesUpdate):
        return Effect(notes=entry)
    if isinstance(entry, Discard):
        return Effect(names=entry.names)
    return Effect()
