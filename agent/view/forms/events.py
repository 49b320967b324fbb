"""The form of `hostvigil events --json`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from agent.store import Delivery
from agent.view.forms.words import Moment, Version


class EventForm(msgspec.Struct, frozen=True):
    """One delivery of a notification to one destination."""

    seq: Annotated[int, Meta(description="Rises with each delivery.")]
    id: Annotated[str, Meta(description="The event's id; the same at each destination.")]
    destination: str
    check: str
    subject: str
    status: Annotated[str, Meta(description="As the API calls it: flapping is `error`.")]
    created: Annotated[Moment, Meta(description="When the change was observed.")]
    title: str
    phase: Annotated[str, Meta(description="pending, delivered, refused or dropped.")]
    attempts: int
    answer: Annotated[str, Meta(description="Of the last try.")]
    answered_at: Moment
    members: Annotated[int, Meta(description="How many others it tells; 0: it is no digest.")]
    digest: Annotated[int | None, Meta(description="The digest that tells it, by its seq.")]
    facts: Annotated[Any, Meta(description="What happened; null of a digest.")]


class EventsForm(msgspec.Struct, frozen=True):
    """`hostvigil events --json`."""

    version: Version
    events: tuple[EventForm, ...]


def event_form(delivery: Delivery, title: str) -> EventForm:
    fields = {name: getattr(delivery, name) for name in EventForm.__struct_fields__ if name not in ("title", "facts")}
    return EventForm(**fields, title=title, facts=msgspec.Raw(delivery.facts) if delivery.facts else None)
