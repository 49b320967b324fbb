"""Pure: what is told next: single changes while requests suffice, and folded by cause when they are short."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.fleet.mailbox import Letter
from agent.model import URGENCY

FOLD_ABOVE = 10
"""More subjects than these at once are folded, as the agent's `digest_above`."""
FOLD_PAUSE = 5.0
"""Seconds between folds that are not full: a storm takes some time to come together."""
SHARE = 10
"""So many subjects of one host go by urgency; the others of that host go after everybody's."""
AGED = 600.0
"""Seconds after which a change counts as urgent, whatever it says: nobody is starved."""

Queue = tuple[Letter, ...]
"""The letters of one subject in their order; at least one."""


class Group(msgspec.Struct, frozen=True):
    """Subjects with the same cause: the same check, kind and status now."""

    queues: tuple[Queue, ...]

    @property
    def latest(self) -> Letter:
        return self.queues[0][-1]


class Choice(msgspec.Struct, frozen=True):
    """What goes out as one event, in the order in which it is to be said."""

    groups: tuple[Group, ...]
    is_fold: bool

    @property
    def letters(self) -> list[Letter]:
        return [letter for group in self.groups for queue in group.queues for letter in queue]


def choose(ready: Sequence[Queue], free: int, now: float, fold_not_before: float = 0.0) -> Choice | float:
    """Return what to tell next, or the seconds to wait; `free` is how many requests may be made at once.

    `now` and `fold_not_before` are monotonic seconds.

    1. While so few subjects wait that each can go by itself, the most urgent goes by itself.
    2. Else the first cause, with all its hosts, if there are requests for every cause.
    3. Else as many causes together as there is room for: the fold takes what fits, in this order.
    """
    groups = group_by_cause(ready, now)
    if not groups:
        return float("inf")
    if len(ready) <= min(FOLD_ABOVE, free):
        return Choice((Group((groups[0].queues[0][:1],)),), is_fold=False)
    if now < fold_not_before:
        return fold_not_before - now
    return Choice(tuple(groups[:1] if len(groups) <= free else groups), is_fold=True)


def group_by_cause(ready: Sequence[Queue], now: float) -> list[Group]:
    """Return the causes in the order of telling: the most urgent first, then what befell most hosts, then the oldest.

    Of a host that has much to tell, only the first few subjects have their place by urgency. `now`: monotonic seconds.
    """
    ranks: dict[str, int] = {}
    causes: dict[tuple[object, ...], list[Queue]] = {}
    for queue in sorted(ready, key=lambda queue: (_urgency(queue, now), queue[0].number)):
        latest = queue[-1]
        rank = ranks[latest.host] = ranks.get(latest.host, -1) + 1
        change = latest.change
        cause = (rank // SHARE > 0, _urgency(queue, now), change.check, change.type, change.status)
        causes.setdefault(cause, []).append(queue)
    order = sorted(causes.items(), key=lambda item: (item[0][0], item[0][1], -_hosts(item[1]), item[1][0][0].number))
    return [Group(tuple(queues)) for _, queues in order]


def _urgency(queue: Queue, now: float) -> int:
    return 0 if now > queue[0].arrived_at + AGED else URGENCY.index(queue[-1].change.status)


def _hosts(queues: Sequence[Queue]) -> int:
    return len({queue[0].host for queue in queues})
