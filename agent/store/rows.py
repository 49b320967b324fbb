"""What goes into the store and comes out of it: frozen values."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from agent.model import EventStatus, Notification, Result, State


class StoreError(Exception):
    """The world is at fault: the state directory cannot be used. Its text says why and what to do."""


class RoomMade(StoreError):
    """The disk was full, and room was made just now: to try again at once is worth it."""


KnownProblems = Mapping[tuple[str, str], tuple[str, str]]
"""The problems that a destination knows of: incident and status by check and subject."""


class Change(msgspec.Struct, frozen=True):
    """A new state and, where there is something to tell, its notification: written together or not at all."""

    state: State
    notification: Notification | None = None
    last: bool = False
    """The state is not kept: its check is forgotten with this change."""


class LastRun(msgspec.Struct, frozen=True, gc=False):
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
    before: Result | None = None
    """What was known of a pushed subject, where the result only says that nothing came since."""
    is_no_run: bool = False
    """The agent itself said it: that there was no run, or that the check is written wrong."""


class Phase(enum.StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REFUSED = "refused"
    """Set aside: the destination will not take it."""
    DROPPED = "dropped"
    """Never to be told: its destination was removed, or it is the end of a problem that the destination never knew."""


class Delivery(msgspec.Struct, frozen=True):
    """A notification, or a digest of many, on its way to one destination. The pending ones are the outbox."""

    seq: int
    """Rises with every delivery of this store: the order of telling."""
    destination: str
    id: str
    """The notification's; a digest has its own."""
    check: str
    subject: str
    status: str
    """As the create-event API calls it."""
    created: int
    """When the change was observed, Unix milliseconds."""
    title: str
    """Of a digest; else empty, and made of the facts."""
    body: bytes | None
    """What is sent, byte for byte the same on every try; None before the first one and after the last."""
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
    facts: bytes | None = None
    """The notification as JSON; None of a digest."""


class Due(msgspec.Struct, frozen=True):
    """A delivery that no earlier one of its subject holds up."""

    seq: int
    id: str
    check: str
    subject: str
    attempts: int
    members: int
    changes: int
    """How many changes of this subject wait, this one included."""


class Bundle(msgspec.Struct, frozen=True):
    """A digest that is to be put into the outbox, and what it tells."""

    id: str
    check: str
    """Of what it tells, where all of that is of one subject; else empty."""
    subject: str
    status: EventStatus
    """The worst of the latest."""
    at: int
    """When the newest change was observed, Unix milliseconds."""
    title: str
    body: bytes
    members: tuple[int, ...]
    """The deliveries that it tells, by their seq."""


class StoreNotice(msgspec.Struct, frozen=True):
    """What the store has to say of itself and nobody was told yet."""

    name: str
    count: int
    text: str


class Backlog(msgspec.Struct, frozen=True):
    """What is still to be told to a destination."""

    count: int
    oldest: int
    """When the oldest of it was observed, Unix milliseconds; 0 when there is nothing."""
    refused: int


class Progress(msgspec.Struct, frozen=True):
    """How the delivery to a destination goes."""

    delivered_at: int = 0
    """When it took something last, Unix milliseconds; 0: never, or longer ago than the store reaches back."""
    trouble: str = ""
    """The last answer to what waits and was tried; empty when nothing was tried in vain."""


class Holder(msgspec.Struct, frozen=True):
    """The agent that works on a state directory."""

    pid: int
    since: int
    """Unix milliseconds."""
