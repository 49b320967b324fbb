"""What the relay at work says of itself, for `hostvigil relay status`: values in, JSON and lines out."""

from __future__ import annotations

import msgspec

from agent.delivery.handover.message import host_of
from agent.fleet.lease import Grant
from agent.fleet.record import Record
from agent.fleet.session import Session
from agent.model import Silence
from agent.plugin.clock import wall_clock
from agent.plugin.units import duration_text
from agent.view.words import silence_text

MOST_HOSTS = 1_000
TOP_HOSTS = 10
MOST_REASONS = 50


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
    held: dict[str, int] = {}
    """Changes that are held back, by the reason."""
    silences: tuple[Silence, ...] = ()
    unheard_parents: tuple[str, ...] = ()
    """What `depends_on` names and whose host gives no signs of life."""


class RelayView(msgspec.Struct, frozen=True):
    """What one relay knows, at work or standing by."""

    me: str
    grant: Grant | None = None
    """Who is at work."""
    status: RelayStatus | None = None
    """What the relay at work said last."""
    heard_at: int = 0
    """When that was heard first, Unix milliseconds of this relay's own clock: that of the one at work may differ."""

    def hear(self, grant: Grant | None, status: RelayStatus | None, now: int) -> RelayView:
        """Return what is known once a relay has said `status`; `now` in Unix milliseconds."""
        return RelayView(self.me, grant, status, self.heard_at if status == self.status else now)


def report(grant: Grant, session: Session, record: Record, now: float) -> RelayStatus:
    """Return how the work goes; `now` on the budget's clock."""
    backlog, budget = session.mailbox.backlog(), session.budget
    most = sorted(backlog.items(), key=lambda item: -item[1])[:MOST_HOSTS]
    lives = record.notes.hosts.values()
    missing = sorted((life for life in lives if life.missing), key=lambda life: -life.turned_at)
    wall = wall_clock()
    return RelayStatus(
        at=wall,
        holder=grant.holder,
        epoch=grant.epoch,
        waiting=sum(backlog.values()),
        unfinished=len(record.intents),
        hosts={host_of(host): count for host, count in most},
        keys={key.name: KeyStatus(key.limiter.remaining(now), key.problem) for key in budget.keys.values()},
        heard=len(lives) - len(missing),
        missing=len(missing),
        missing_hosts=tuple(host_of(life.host) for life in missing[:MOST_HOSTS]),
        held=dict(list(session.sieve.count_by_reason().items())[:MOST_REASONS]),
        silences=tuple(one for one in record.notes.silences if one.until > wall),
        unheard_parents=tuple(session.sieve.holding.find_unknown_parents()),
    )


def parse_status(data: bytes) -> RelayStatus | None:
    """Return what a relay said; None where it said nothing, or is of another version."""
    try:
        return msgspec.json.decode(data, type=RelayStatus) if data else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def lines(grant: Grant | None, status: RelayStatus | None, now: int) -> list[str]:
    """Return it for people; `now` in Unix milliseconds."""
    head = [f"relay   {grant.holder} is at work, as number {grant.epoch}" if grant else "relay   none is at work"]
    if status is None:
        return [*head, "        none has said anything yet"]
    age = duration_text(max(0, now - status.at) / 1000)
    head.append(f"events  {status.waiting} wait, {status.unfinished} on their way, {age} ago")
    head += [f"host    {host}: {count} wait" for host, count in list(status.hosts.items())[:TOP_HOSTS]]
    if len(status.hosts) > TOP_HOSTS:
        head.append(f"        and {len(status.hosts) - TOP_HOSTS} more hosts, see --json")
    head.append(f"alive   {status.heard} hosts, {status.missing} are not heard of")
    head += [f"        not heard of: {host}" for host in status.missing_hosts[:TOP_HOSTS]]
    head += [f"held    {count} changes: {reason}" for reason, count in status.held.items()]
    head += [f"silence {silence_text(one, now)}" for one in status.silences]
    head += [f"parent  {name}: its host gives no signs of life, is its name right?" for name in status.unheard_parents]
    return head + [f"key     {name}: {one.problem or f'{one.left} requests left'}" for name, one in status.keys.items()]
