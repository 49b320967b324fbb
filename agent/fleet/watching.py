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
MOST_BEAT = 1024
DAY = 86_400_000


class Sign(msgspec.Struct, frozen=True):
    """A sign of life."""

    host: str
    """The host's word in subjects."""
    at: float
    """When it came, monotonic seconds."""
    ttl: float
    beat: str


def parse_sign(host: str, at: float, message: bytes) -> Sign | None:
    """Return a host's sign of life, which came `at` (monotonic seconds); None where the message is none."""
    try:
        beat = msgspec.json.decode(message, type=Beat)
        text = msgspec.json.encode(msgspec.structs.replace(beat, ttl=0.0), order="sorted").decode()
    except (msgspec.MsgspecError, ValueError):
        return None
    ttl = min(max(beat.ttl, SHORTEST), LONGEST)
    return Sign(host, at, ttl, text if len(text) <= MOST_BEAT else msgspec.json.encode(Beat(0.0)).decode())


def estimate_arrival(stored_at: float, broker_now: float, now: float, looked_at: float) -> float:
    """Return when a sign of life came, monotonic seconds; `stored_at` and `broker_now` on the broker's clock.

    What was not there at the last look came since, whatever the broker's clock says: somebody may have set it.
    """
    return max(now - max(0.0, broker_now - stored_at), looked_at)


class Watch:
    """Who was heard of, since one relay is at work. The relay's loop owns it; times are monotonic seconds."""

    def __init__(self, lives: Mapping[str, HostLife], started_at: float) -> None:
        """`lives` is read at each look; nobody is missing before its time has passed since `started_at`."""
        self._lives = lives
        self._started_at = started_at
        self._last_signs: dict[str, float] = {}

    def look(self, signs: Iterable[Sign], now: float, wall: int) -> list[HostLife]:
        """Return the hosts of which something is new; `wall` in Unix milliseconds."""
        lives: dict[str, HostLife] = {}
        for sign in signs:
            self._last_signs[sign.host] = max(sign.at, self._last_signs.get(sign.host, 0.0))
            if now < sign.at + sign.ttl:
                lives[sign.host] = _alive(self._lives.get(sign.host), sign, wall)
        for host, life in self._lives.items():
            if host not in lives and not life.missing and now >= self._last(host) + life.ttl:
                lives[host] = _add_turn(life, wall)
        return [life for host, life in lives.items() if life != self._lives.get(host)]

    def _last(self, host: str) -> float:
        return max(self._started_at, self._last_signs.get(host, 0.0))


def _alive(before: HostLife | None, sign: Sign, wall: int) -> HostLife:
    if before is None:
        return HostLife(sign.host, wall, sign.ttl, sign.beat)
    life = msgspec.structs.replace(before, ttl=sign.ttl, beat=sign.beat)
    return _add_turn(life, wall) if life.missing else life


def _add_turn(life: HostLife, wall: int) -> HostLife:
    return msgspec.structs.replace(life, turns=life.turns + 1, turned_at=wall)


def describe_turn(life: HostLife, before: HostLife | None) -> tuple[Notification, str] | None:
    """Return what is to be told of a host, and the id of what is told before it; None where it is nothing."""
    if before is None or life.turns == before.turns:
        return None
    text = f"not heard of for {duration_text(life.ttl)}" if life.missing else "is heard of again"
    follows_another = before.turns > 0 and life.turned_at < before.turned_at + DAY
    return _make_change(life, text), _id(life, -1) if follows_another else ""


def farewell(life: HostLife, wall: int) -> Notification | None:
    """Return what ends the problem of a host that is forgotten; None where it has none. `wall`: Unix milliseconds."""
    return _make_change(_add_turn(life, wall), "is forgotten: somebody took it out") if life.missing else None


def _make_change(life: HostLife, text: str) -> Notification:
    """Name a change by the host's life and the turn in it: however often it is made, it is told once."""
    beat = msgspec.json.decode(life.beat, type=Beat)
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
        host={**beat.host, "host": host_of(life.host)},
        tags=beat.tags,
    )


def _id(life: HostLife, turn: int = 0) -> str:
    parts = ("alive", life.host, str(life.since), str(life.turns + turn))
    return blake2s("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
