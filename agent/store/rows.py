"""What goes into the store and comes out of it: frozen values."""

from __future__ import annotations

import enum

import msgspec

from agent.model import Event, Result, State


class StoreError(Exception):
    """The world is at fault: the state directory cannot be used. Its text says why and what to do."""


class Change(msgspec.Struct, frozen=True):
    """A new state and, where there is something to tell, its event: written together or not at all."""

    state: State
    event: Event | None = None
    last: bool = False
    """The state is not kept: its check is forgotten with this change."""


class LastRun(msgspec.Struct, frozen=True):
    """The latest result of one subject: nice to know, not to lose."""

    check: str
    subject: str
    result: Result
    at: int
    """When it was observed, Unix milliseconds."""
    duration: float
    """Seconds."""
    next_at: int
    """When the next run is due, Unix milliseconds; 0 when unknown."""


class Phase(enum.StrEnum):
    """Where an event stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REFUSED = "refused"


class StoredEvent(msgspec.Struct, frozen=True):
    """An event in the store. The pending ones are the outbox, all together are the history."""

    seq: int
    """Rises with every event of this store: the order of telling."""
    event_id: str
    check: str
    subject: str
    status: str
    """As the API calls it."""
    created: int
    """When the change was observed, Unix milliseconds."""
    body: bytes
    """The JSON body, byte for byte the same on every try."""
    phase: Phase
    attempts: int
    answer: str
    """Of the last try: the trace id when delivered, else what went wrong."""
    answered_at: int
    """Unix milliseconds; 0 before the first answer."""
    members: int = 0
    """How many others it tells; 0: it is no digest."""
    digest: int | None = None
    """The digest that tells it, by its seq."""


class Due(msgspec.Struct, frozen=True):
    """An event that no earlier one of its subject holds up."""

    seq: int
    event_id: str
    check: str
    subject: str
    attempts: int
    members: int
    changes: int
    """How many changes of this subject wait, this one included."""


class StoreNotice(msgspec.Struct, frozen=True):
    """What the store has to say of itself and nobody was told yet."""

    name: str
    count: int
    text: str


class Backlog(msgspec.Struct, frozen=True):
    """What is still to be told."""

    count: int
    oldest: int
    """When the oldest of it was observed, Unix milliseconds; 0 when there is nothing."""
    refused: int


class Holder(msgspec.Struct, frozen=True):
    """The agent that works on a state directory."""

    pid: int
    since: int
    """Unix milliseconds."""
