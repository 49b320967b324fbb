"""Signs of life in, changes of hosts that went missing or came back out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec
from nats.js.errors import APIError

from agent.delivery.handover.message import encode
from agent.fleet.journal import Journal
from agent.fleet.ledger import HostLife, NotesUpdate
from agent.fleet.notes import in_parts
from agent.fleet.reading import StreamMessage
from agent.fleet.streams import Streams
from agent.fleet.watching import Sign, Watch, describe_turn, estimate_arrival, farewell, parse_sign
from agent.model import Notification
from agent.plugin.clock import wall_clock

log = logging.getLogger("hostvigil.relay")

LOOK_SECONDS = 5.0


class Lives:
    """Watches over the hosts. The relay's loop owns it; methods raise nats errors where the broker is gone."""

    def __init__(self, streams: Streams, journal: Journal, clock: Callable[[], float]) -> None:
        self._streams = streams
        self._journal = journal
        self._clock = clock

    async def run(self) -> None:
        """Watch until cancelled.

        A relay or a broker that was away itself says nothing of the hosts: a session begins anew with both, and each
        host has its whole time from then on.
        """
        hosts = self._journal.record.notes.hosts
        watch, looked_at = Watch(hosts, self._clock()), 0.0
        async for messages in self._streams.signs_of_life(LOOK_SECONDS):
            now = self._clock()
            signs = [sign for message in messages if (sign := self._sign(message, now, looked_at))]
            looked_at = now
            for part in in_parts(watch.look(signs, now, wall_clock())):
                lives = await self._tell_all([(life, hosts.get(life.host)) for life in part.hosts])
                await self._journal.write(NotesUpdate(hosts=lives))
            await self._journal.keep_notes()

    def _sign(self, message: StreamMessage, now: float, looked_at: float) -> Sign | None:
        at = estimate_arrival(message.at, self._journal.record.broker_clock(), now, looked_at)
        return parse_sign(message.word, at, message.data)

    async def _tell_all(self, lives: Sequence[tuple[HostLife, HostLife | None]]) -> tuple[HostLife, ...]:
        """Hand in what is to be told, before it is noted: named the same each time, it is told once."""
        results = await asyncio.gather(*(self._tell(life, before) for life, before in lives))
        return tuple(life for (life, _), is_done in zip(lives, results, strict=True) if is_done)

    async def _tell(self, life: HostLife, before: HostLife | None) -> bool:
        news = describe_turn(life, before)
        return news is None or await self._hand_in(life.host, *news)

    async def _hand_in(self, host: str, change: Notification, after: str = "") -> bool:
        try:
            await self._streams.hand_in(host, change.id, encode(msgspec.json.encode(change), after))
        except APIError as error:
            log.info("what is to be told of %s waits, as the broker keeps no more of it: %s", host, error)
            return False
        return True

    async def forget(self, host: str) -> bool:
        """Watch over a host no more: what was told of it is closed, nothing depends on it. False: it is unknown."""
        notes = self._journal.record.notes
        life = notes.hosts.get(host)
        if life is None and all(key[0] != host for key in notes.parents):
            return False
        await self._streams.forget(host)
        if life and (change := farewell(life, wall_clock())):
            await self._hand_in(host, change)
        await self._journal.write(NotesUpdate(forgotten=(host,)))
        return True
