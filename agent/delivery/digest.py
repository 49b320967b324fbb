"""Pure: many changes that wait -> one text that tells each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from agent.delivery.wording import host_name, title
from agent.model import URGENCY, EventStatus, Notification
from agent.plugin.text import cut
from agent.plugin.units import utc

MESSAGE_LIMIT = 16 * 1024
"""Characters; what does not fit is for the next digest."""
SUBJECTS_LIMIT = 100
TITLE_LIMIT = 200

Changes = Sequence[Notification]
"""What waits of one subject, in its order; at least one."""


class Digest(msgspec.Struct, frozen=True):
    """What one digest says, in words that every destination takes."""

    id: str
    status: EventStatus
    """The worst of the latest."""
    at: int
    """When the newest change was observed, Unix milliseconds."""
    title: str
    message: str
    changes: tuple[Notification, ...]
    """Those it tells, each subject's together and in order."""

    @property
    def latest(self) -> list[Notification]:
        """Return the latest change of each subject."""
        return list({(change.check, change.subject): change for change in self.changes}.values())

    @property
    def alone(self) -> bool:
        """It tells of one subject only."""
        return len(self.latest) == 1


def digest(subjects: Iterable[Changes]) -> Digest:
    """Tell as many subjects as fit, at least a part of the first.

    Of each subject the latest and the first change are told; every one is listed with its moment and event id.
    """
    parts: list[Changes] = []
    room = MESSAGE_LIMIT
    for changes in subjects:
        size = len(_paragraph(changes))
        if parts and (size > room or len(parts) == SUBJECTS_LIMIT):
            break
        parts.append(changes if size <= room else _as_many_as_fit(changes, room))
        room -= size
    return _digest(parts)


def _as_many_as_fit(changes: Changes, room: int) -> Changes:
    line = len(_format_line(changes[-1])) + len("  critical\n")
    return changes[: max(1, (room - 4 * TITLE_LIMIT) // line)]


def _digest(subjects: Sequence[Changes]) -> Digest:
    changes = tuple(change for subject in subjects for change in subject)
    latest = [subject[-1] for subject in subjects]
    return Digest(
        id=digest_id(changes),
        status=min((change.status for change in latest), key=URGENCY.index),
        at=max(change.at for change in changes),
        title=_title_of_one(subjects[0]) if len(subjects) == 1 else _title(latest, len(changes)),
        message=_message(subjects),
        changes=changes,
    )


def digest_id(changes: Iterable[Notification]) -> str:
    """Name a digest by what it tells: made again of the same changes, it has the same name."""
    from hashlib import blake2s

    return blake2s("\0".join(("digest", *(change.id for change in changes))).encode(), digest_size=16).hexdigest()


def _title(latest: Changes, changes: int) -> str:
    counts = Counter(change.status for change in latest)
    now = [(counts[status], status.name.lower()) for status in URGENCY if counts[status]]
    worst = now[0][1].upper()
    return f"{worst} {changes} changes on {host_name(latest[0])}: now {', '.join(f'{n} {word}' for n, word in now)}"


def _title_of_one(changes: Changes) -> str:
    count = len(changes) - 1
    before = f" (and {count} change{'s' if count > 1 else ''} before)" if count else ""
    return cut(title(changes[-1]), TITLE_LIMIT) + before


def _message(subjects: Sequence[Changes]) -> str:
    count = sum(len(changes) for changes in subjects)
    head = f"- digest: {count} changes of {len(subjects)} subjects, each with its moment (UTC) and its event id\n"
    return head + "".join(_paragraph(changes) for changes in subjects).removesuffix("\n")


def _paragraph(changes: Changes) -> str:
    first, latest = changes[0], changes[-1]
    lines = [f"- {_format_title(latest)}"]
    if len(changes) > 1:
        lines += [f"  first of {len(changes)} changes: {_format_title(first)}"]
    lines += [f"  {_format_line(change)}" for change in changes]
    return "\n".join(lines) + "\n"


def _format_title(change: Notification) -> str:
    """Return the title without the host, which is the same in all of them."""
    return title(change).replace(f" on {host_name(change)}", "", 1)


def _format_line(change: Notification) -> str:
    return f"{utc(change.at):%Y-%m-%d %H:%M:%S} {change.status.name.lower()} {change.id}"
