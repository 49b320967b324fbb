"""Pure: many changes that wait -> one create-event call that tells each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from agent.delivery.sinks.truewatch.identity import ORIGIN, event_id
from agent.model import URGENCY, Event
from agent.plugin.text import cut, one_line

MESSAGE_LIMIT = 16 * 1024
"""Characters; what does not fit is for the next digest."""
SUBJECTS_LIMIT = 100
TITLE_LIMIT = 200

Changes = Sequence[Event]
"""What waits of one subject, in its order; at least one."""


def digest(subjects: Iterable[Changes]) -> tuple[Event, list[Event]]:
    """Tell as many subjects as fit, at least a part of the first; return the digest and the events that it tells.

    Of each subject the latest and the first change are told; every one is listed with its moment and event id.
    """
    taken: list[Changes] = []
    room = MESSAGE_LIMIT
    for changes in subjects:
        size = len(_paragraph(changes))
        if taken and (size > room or len(taken) == SUBJECTS_LIMIT):
            break
        taken.append(changes if size <= room else _as_many_as_fit(changes, room))
        room -= size
    return _event(taken), [change for changes in taken for change in changes]


def _as_many_as_fit(changes: Changes, room: int) -> Changes:
    line = len(_listed(changes[-1])) + len("  critical\n")
    return changes[: max(1, (room - 4 * TITLE_LIMIT) // line)]


def _event(subjects: Sequence[Changes]) -> Event:
    changes = [change for told in subjects for change in told]
    latest = [told[-1] for told in subjects]
    worst = min((change.status for change in latest), key=URGENCY.index)
    newest = max(change.date for change in changes)
    name = event_id("digest", *(change.event_id for change in changes))
    alone = subjects[0] if len(subjects) == 1 else None
    tags = _tags_of_one(alone) if alone else _shared_tags(latest)
    body = {
        "date": newest,
        "status": str(worst),
        "title": _title_of_one(alone) if alone else _title(latest, len(changes)),
        "message": _message(subjects),
        "origin": ORIGIN,
        "customTags": {**tags, "event_id": name, "digest": str(len(changes))},
    }
    check, subject = (alone[0].check, alone[0].subject) if alone else ("", "")
    return Event(name, check, subject, worst, None, newest, body)


def _title(latest: Sequence[Event], changes: int) -> str:
    counts = Counter(change.status for change in latest)
    now = [(counts[told], told.name.lower()) for told in URGENCY if counts[told]]
    worst, host = now[0][1].upper(), one_line(_host(latest[0]), 100)
    return f"{worst} {changes} changes on {host}: now {', '.join(f'{count} {word}' for count, word in now)}"


def _title_of_one(changes: Changes) -> str:
    before = f" (and {len(changes) - 1} changes before)" if len(changes) > 1 else ""
    return cut(str(changes[-1].body["title"]), TITLE_LIMIT) + before


def _message(subjects: Sequence[Changes]) -> str:
    count = sum(len(changes) for changes in subjects)
    head = f"- digest: {count} changes of {len(subjects)} subjects, each with its moment (UTC) and its event id\n"
    return head + "".join(_paragraph(changes) for changes in subjects).rstrip("\n")


def _paragraph(changes: Changes) -> str:
    first, latest = changes[0], changes[-1]
    lines = [f"- {_said(latest)}"]
    if len(changes) > 1:
        lines += [f"  first of {len(changes)} changes: {_said(first)}"]
    lines += [f"  {_listed(change)}" for change in changes]
    return "\n".join(lines) + "\n"


def _said(change: Event) -> str:
    """Return the title without the host, which is the same in all of them."""
    return cut(str(change.body["title"]).replace(f" on {one_line(_host(change), 100)}", "", 1), TITLE_LIMIT)


def _listed(change: Event) -> str:
    moment = datetime.fromtimestamp(change.date / 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} {change.status.name.lower()} {change.event_id}"


def _host(change: Event) -> str:
    return str(change.body["customTags"].get("host", ""))


def _shared_tags(changes: Sequence[Event]) -> dict[str, str]:
    """Return what all of them say: the host's tags, and a service's where all are of one service."""
    shared = dict(changes[0].body["customTags"])
    for change in changes:
        tags = change.body["customTags"]
        shared = {name: value for name, value in shared.items() if tags.get(name) == value}
    return {name: value for name, value in shared.items() if name != "previous_status"}


def _tags_of_one(changes: Changes) -> dict[str, str]:
    """Keep what pairs problem and recovery; the status before is the one before the first."""
    tags = {name: value for name, value in changes[-1].body["customTags"].items() if name != "previous_status"}
    before = changes[0].body["customTags"].get("previous_status")
    return {**tags, "previous_status": before} if before else tags
