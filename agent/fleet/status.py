"""What the relay at work says of itself, for `hostvigil relay status`: values in, JSON and lines out."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from agent.delivery.handover.message import host_of
from agent.fleet.budget import Budget
from agent.fleet.lease import Grant
from agent.fleet.record import Record
from agent.plugin.units import duration_text

MOST_HOSTS = 1_000
SHOWN_HOSTS = 10


class KeyStatus(msgspec.Struct, frozen=True):
    """One key, by its fingerprint."""

    left: int
    """Requests of this minute."""
    problem: str = ""
    """Why it is not used now."""


class RelayStatus(msgspec.Struct, frozen=True):
    """The relay at work, as it was at `at`, Unix milliseconds."""

    at: int
    holder: str
    epoch: int
    waiting: int
    """Changes that are not told yet."""
    unfinished: int
    """Requests whose answer is not known."""
    hosts: dict[str, int]
    """Changes that wait, by host, those with most of them."""
    keys: dict[str, KeyStatus]
    heard: int = 0
    """Hosts that give signs of life."""
    missing: int = 0
    """Hosts that did, and are not heard of any more."""
    missing_hosts: tuple[str, ...] = ()
    """Those, the latest first."""


def report(grant: Grant, backlog: Mapping[str, int], budget: Budget, record: Record, now: float) -> bytes:
    """Return the status as JSON; `now` on the budget's clock."""
    most = sorted(backlog.items(), key=lambda item: -item[1])[:MOST_HOSTS]
    lives = record.notes.hosts.values()
    missing = sorted((life for life in lives if life.missing), key=lambda life: -life.turned_at)
    keys = {key.name: KeyStatus(key.limiter.left(now), key.problem) for key in budget.keys.values()}
    return msgspec.json.encode(
        RelayStatus(
            at=time.time_ns() // 1_000_000,
            holder=grant.holder,
            epoch=grant.epoch,
            waiting=sum(backlog.values()),
            unfinished=len(record.intents),
            hosts={host_of(host): count for host, count in most},
            keys=keys,
            heard=len(lives) - len(missing),
            missing=len(missing),
            missing_hosts=tuple(host_of(life.host) for life in missing[:MOST_HOSTS]),
        )
    )


def lines(grant: Grant | None, status: RelayStatus | None, now: int) -> list[str]:
    """Return it for people; `now` in Unix milliseconds."""
    head = [f"relay   {grant.holder} is at work, as number {grant.epoch}" if grant else "relay   none is at work"]
    if status is None:
        return [*head, "        none has said anything yet"]
    age = duration_text(max(0, now - status.at) / 1000)
    head.append(f"events  {status.waiting} wait, {status.unfinished} on their way, {age} ago")
    head += [f"host    {host}: {count} wait" for host, count in list(status.hosts.items())[:SHOWN_HOSTS]]
    if len(status.hosts) > SHOWN_HOSTS:
        head.append(f"        and {len(status.hosts) - SHOWN_HOSTS} more hosts, see --json")
    head.append(f"alive   {status.heard} hosts, {status.missing} are not heard of")
    head += [f"        not heard of: {host}" for host in status.missing_hosts[:SHOWN_HOSTS]]
    return head + [f"key     {name}: {one.problem or f'{one.left} requests left'}" for name, one in status.keys.items()]
