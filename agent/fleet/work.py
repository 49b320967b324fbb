"""The work of a relay that holds the lease: begun and ended with it."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from agent.delivery.sinks.truewatch.api import Api
from agent.engine.suppression.windows import Windows
from agent.fleet.budget import Budget, fingerprint
from agent.fleet.holding import Holding
from agent.fleet.lease import Grant
from agent.fleet.record import Record
from agent.fleet.requests import Post, Requests
from agent.fleet.session import Session
from agent.fleet.settings import RelaySettings
from agent.fleet.sieve import Sieve
from agent.fleet.streams import Streams
from agent.plugin.clock import wall_clock

log = logging.getLogger("hostvigil.relay")

UNKNOWN_MINUTE = 60.0
"""Seconds that nothing is sent after a ledger began: the limits of the minute before it may be used up."""


def clock() -> float:
    """Return seconds that run on while the machine sleeps: a lease does not wait for who is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Work:
    """At most one session. The relay's loop owns it, but for the requests, which its pool's threads make."""

    def __init__(
        self, settings: RelaySettings, record: Record, holds: Callable[[], bool], unknown_minute: float
    ) -> None:
        self._settings = settings
        self._record = record
        self._holds = holds
        self._unknown_minute = unknown_minute
        self._posts: dict[str, Post] = {
            fingerprint(key): Api(settings.events.of_key(key)).post for key in settings.events.api_keys
        }
        self._pool = ThreadPoolExecutor(max_workers=len(self._posts))
        self.session: Session | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, streams: Streams, grant: Grant) -> Session:
        """Begin, unless it is begun."""
        if self.session is None:
            log.warning("at work, as number %d", grant.epoch)
            self.session = self._make_session(streams)
            self._task = asyncio.create_task(self.session.run(grant.holder, grant.epoch, self._unknown_minute))
        return self.session

    def _make_session(self, streams: Streams) -> Session:
        settings, events = self._settings, self._settings.events
        rates = float(events.rate_limit), float(events.workspace_limit)
        budget = Budget(events.api_keys, *rates, random.Random())  # noqa: S311 - jitter needs no secrecy
        requests = Requests(budget, self._posts, self._holds, clock, self._pool)
        holding = Holding(settings.rules, settings.windows, Windows().ends, self._record.notes)
        return Session(streams, self._record, requests, Sieve(holding, wall_clock), clock)

    async def require(self) -> None:
        """Raise what ended it, if it ended."""
        if self._task and self._task.done():
            await self._task

    async def stop(self) -> None:
        """Cancel the session and wait for its end; nothing where none is begun."""
        if self._task is None:
            return
        task, self._task, self.session = self._task, None, None
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled() and (error := task.exception()):
            log.info("the work ended: %s", error)

    def close(self) -> None:
        """End the threads; requests that wait are not made."""
        self._pool.shutdown(wait=False, cancel_futures=True)
