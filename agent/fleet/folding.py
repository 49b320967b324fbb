"""Pure: many changes of many hosts -> one event of the create-event API that names each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2s

import msgspec

from agent.config.tags import custom_tags
from agent.delivery.digest import MESSAGE_LIMIT
from agent.delivery.sinks.truewatch.event import ORIGIN, event, tags
from agent.delivery.wording import host_name, summary
from agent.fleet.choosing import Choice, Group, Queue
from agent.fleet.mailbox import Letter
from agent.model import URGENCY
from agent.plugin.text import cut, one_line

TITLE_LIMIT = 200
SUMMARY_LIMIT = 200
WORD_LIMIT = 60
ID_LETTERS = 8
HEAD = 200
"""Characters of the message's first line at most."""


class RenderedEvent(msgspec.Struct, frozen=True):
    """One event: the bytes of the call, and the changes that it tells, each subject's in order."""

    id: str
    body: bytes
    letters: tuple[Letter, ...]


def render(choice: Choice, most: int) -> RenderedEvent:
    """Word what was chosen, of a fold no more than `most` changes and what fits; the rest is for the next one."""
    first = choice.groups[0].queues[0]
    if not choice.is_fold or (most <= 1 or len(choice.letters) == 1):
        return RenderedEvent(first[0].change.id, msgspec.json.encode(event(first[0].change)), first[:1])
    groups = _select_groups(choice.groups, most)
    if sum(len(queue) for group in groups for queue in group.queues) == 1:
        return RenderedEvent(first[0].change.id, msgspec.json.encode(event(first[0].change)), first[:1])
    return _fold(groups)


def _select_groups(groups: Sequence[Group], most: int) -> list[Group]:
    """Return as much as one message holds, at least one change."""
    fitting: list[Group] = []
    room = MESSAGE_LIMIT - HEAD
    for group in groups:
        room -= len(_cause(group)) + len(_first(group)) + 24
        queues: list[Queue] = []
        for queue in group.queues:
            part = _as_many_as_fit(queue, room, most, empty=not fitting and not queues)
            if part:
                queues.append(part)
                room -= len(_format_subject(part)) + 2
                most -= len(part)
            if len(part) < len(queue):
                return [*fitting, Group(tuple(queues))] if queues else fitting
        fitting.append(Group(tuple(queues)))
    return fitting


def _as_many_as_fit(queue: Queue, room: int, most: int, empty: bool) -> Queue:
    """Return the first letters of a subject for which there is room; of the first subject at least one."""
    count = min(len(queue), max(most, 0))
    while count > 0 and len(_format_subject(queue[:count])) + 2 > room:
        count //= 2
    return queue[: max(count, 1 if empty else 0)]


def _fold(groups: Sequence[Group]) -> RenderedEvent:
    letters = tuple(letter for group in groups for queue in group.queues for letter in queue)
    latest = [queue[-1] for group in groups for queue in group.queues]
    id_ = fold_id(letters)
    own = _intersect([tags(letter.change) for letter in latest])
    hosts = len({letter.host for letter in latest})
    body = {
        "date": max(letter.change.at for letter in letters),
        "status": str(min((letter.change.status for letter in latest), key=URGENCY.index)),
        "title": _title(groups, latest, len(letters), hosts),
        "message": _message(groups, len(letters), hosts),
        "origin": ORIGIN,
        "customTags": custom_tags({**own, "event_id": id_, "digest": str(len(letters)), "hosts": str(hosts)}, {}),
    }
    return RenderedEvent(id_, msgspec.json.encode(body), letters)


def fold_id(letters: Sequence[Letter]) -> str:
    """Name a fold by what it tells: made again of the same changes, it has the same name."""
    parts = ("fold", *(part for letter in letters for part in letter.name))
    return blake2s("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _intersect(all_tags: Sequence[dict[str, str]]) -> dict[str, str]:
    """Return what all of them say; what pairs a problem with its recovery is of one subject only."""
    common = dict(all_tags[0])
    for other in all_tags[1:]:
        common = {name: value for name, value in common.items() if other.get(name) == value}
    return {name: value for name, value in common.items() if name not in ("previous_status", "event_id")}


def _title(groups: Sequence[Group], latest: Sequence[Letter], changes: int, hosts: int) -> str:
    """Say `CRITICAL 412 hosts: http shop: HTTP 503` of one cause, and the counts of several."""
    counts = Counter(letter.change.status for letter in latest)
    now = [(counts[status], status.name.lower()) for status in URGENCY if counts[status]]
    who = f"{hosts} hosts" if hosts > 1 else host_name(latest[0].change)
    if len(groups) == 1:
        text = f"{now[0][1].upper()} {who}: {_cause(groups[0])}: {_first(groups[0])}"
    else:
        text = f"{now[0][1].upper()} {changes} changes, {who}: now {', '.join(f'{n} {word}' for n, word in now)}"
    return cut(text, TITLE_LIMIT)


def _cause(group: Group) -> str:
    last = group.latest.change
    return f"{one_line(last.type, WORD_LIMIT)} {one_line(last.check, WORD_LIMIT)} {last.status.name.lower()}".strip()


def _first(group: Group) -> str:
    change = group.latest.change
    return cut(summary(change), SUMMARY_LIMIT) if change.summary else ""


def _message(groups: Sequence[Group], changes: int, hosts: int) -> str:
    lines = [f"- digest: {changes} changes of {hosts} hosts, each with its host and the first letters of its event id"]
    for group in groups:
        lines.append(f"- {_cause(group)} ({len(group.queues)}), the first: {_first(group)}".rstrip(": "))
        lines.append("  " + ", ".join(_format_subject(queue) for queue in group.queues))
    return "\n".join(lines)


def _format_subject(queue: Queue) -> str:
    """Name a subject by host and id; of several changes the earlier ones as well, the latest first."""
    latest = queue[-1].change
    subject = f" {one_line(latest.subject, WORD_LIMIT)}" if latest.subject else ""
    before = "".join(f", before {letter.change.status.name.lower()} {_id(letter)}" for letter in queue[-2::-1])
    return f"{cut(host_name(latest) or queue[-1].host, WORD_LIMIT)}{subject} {_id(queue[-1])}" + (
        f" ({before[2:]})" if before else ""
    )


def _id(letter: Letter) -> str:
    return one_line(letter.change.id, 2 * ID_LETTERS)[:ID_LETTERS]
