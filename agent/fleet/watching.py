"""Pure: which hosts are missing, which are back, and what is told of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2s

import msgspec

from agent.delivery.handover.message import Beat, host_of
from agent.fleet.ledger import HostLife
from agent.model import EventStatus, Notification
from agent.plugin.units import duration_text

CHECK, SUBJECT, TYPE = "hostvigil", "host", "heartbeat"
SHORTEST, LONGEST = 10.0, 7 * 86400.0
"""Bounds of what a host may say of its time to live, in seconds."""
MOST_SAID = 1024
DAY = 86_400_000


class Sign(msgspec.Struct, frozen=True):
    """A sign of life."""

    host: str
    """The host's word in subjects."""
    at: float
    """When it came, monotonic seconds."""
    ttl: float
    said: str


def sign(host: str, at: float, message: bytes) -> Sign | None:
    """Return a host's sign of life; None where the message is none."""
    try:
        beat = msgspec.json.decode(message, type=Beat)
        said = msgspec.json.encode(msgspec.structs.replace(beat, ttl=0.0), order="sorted").decode()
    except (msgspec.MsgspecError, ValueError):
        return None
    ttl = min(max(beat.ttl, SHORTEST), LONGEST)
    return Sign(host, at, ttl, said if len(said) <= MOST_SAID else msgspec.json.encode(Beat(0.0)).decode())


def heard_at(stored: float, broker_now: float, now: float, looked_at: float) -> float:
    """Return when a sign of life came, monotonic seconds; `stored` and `broker_now` on the broker's clock.

    What was not there at the last look came since, whatever the broker's clock says: somebody may have set it.
    """
    return max(now - max(0.0, broker_now - stored), looked_at)


class Watch:
    """Who was heard of, since one relay is at work. The relay's loop owns it; times are monotonic seconds."""

    def __init__(self, known: Mapping[str, HostLife], began: float) -> None:
        """`known` is read at each look; nobody is missing before its time has passed since `began`."""
        self._known = known
        self._began = began
        self._heard: dict[str, float] = {}

    def look(self, signs: Iterable[Sign], now: float, wall: int) -> list[HostLife]:
        """Return the hosts of which something is new; `wall` in Unix milliseconds."""
        found: dict[str, HostLife] = {}
        for one in signs:
            self._heard[one.host] = max(one.at, self._heard.get(one.host, 0.0))
            if now < one.at + one.ttl:
                found[one.host] = _alive(self._known.get(one.host), one, wall)
        for host, life in self._known.items():
            if host not in found and not life.missing and now >= self._last(host) + life.ttl:
                found[host] = _turned(life, wall)
        return [life for host, life in found.items() if life != self._known.get(host)]

    def _last(self, host: str) -> float:
        return max(self._began, self._heard.get(host, 0.0))


def _alive(known: HostLife | None, one: Sign, wall: int) -> HostLife:
    if known is None:
        return HostLife(one.host, wall, one.ttl, one.said)
    life = msgspec.structs.replace(known, ttl=one.ttl, said=one.said)
    return _turned(life, wall) if life.missing else life


def _turned(life: HostLife, wall: int) -> HostLife:
    return msgspec.structs.replace(life, turns=life.turns + 1, turned_at=wall)


def change(life: HostLife, before: HostLife | None) -> tuple[Notification, str] | None:
    """Return what is to be told of a host, and the id of what is told before it; None where it is nothing."""
    if before is None or life.turns == before.turns:
        return None
    text = f"not heard of for {duration_text(life.ttl)}" if life.missing else "is heard of again"
    return _change(life, text), _id(life, -1) if life.turned_at < before.turned_at + DAY and before.turns else ""


def farewell(life: HostLife, wall: int) -> Notification | None:
    """Return what ends the problem of a host that is forgotten; None where it has none."""
    return _change(_turned(life, wall), "is forgotten: somebody took it out") if life.missing else None


def _change(life: HostLife, text: str) -> Notification:
    """Name a change by the host's life and the turn in it: however often it is made, it is told once."""
    said = msgspec.json.decode(life.said, type=Beat)
    return Notification(
        id=_id(life),
        check=CHECK,
        subject=SUBJECT,
        status=EventStatus.NODATA if life.missing else EventStatus.OK,
        previous=EventStatus.OK if life.missing else EventStatus.NODATA,
        at=life.turned_at,
        type=TYPE,
        incident=_id(life, 0 if life.missing else -1)[:16],
        summary=text,
        host={**said.host, "host": host_of(life.host)},
        tags=said.tags,
    )


def _id(life: HostLife, turn: int = 0) -> str:
    parts = ("alive", life.host, str(life.since), str(life.turns + turn))
    return blake2s("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
