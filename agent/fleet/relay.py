"""A relay process: it is at work while it holds the lease, else it stands by and follows what the others write."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

from agent.delivery.handover.connection import FAULTS as BROKER_FAULTS
from agent.delivery.handover.connection import Way
from agent.delivery.sinks.truewatch.api import Api
from agent.engine.suppression.windows import Windows
from agent.fleet.bucket import Bucket
from agent.fleet.budget import Budget, fingerprint
from agent.fleet.holding import Holding
from agent.fleet.journal import Journal
from agent.fleet.lease import RENEWALS, Lease
from agent.fleet.making import make
from agent.fleet.record import Record
from agent.fleet.requests import Lost, Post, Requests
from agent.fleet.session import Session
from agent.fleet.settings import RelaySettings
from agent.fleet.sieve import Sieve
from agent.fleet.status import report
from agent.fleet.streams import GONE, Fenced, Streams

log = logging.getLogger("hostvigil.relay")

TIMEOUT = 5.0
PAUSE = 1.0
"""Seconds after the broker was gone."""
UNKNOWN_MINUTE = 60.0
"""Seconds that nothing is sent after a ledger began: the limits of the minute before it may be used up."""
STATUS_EVERY = 2.0
FAULTS: tuple[type[Exception], ...] = (*BROKER_FAULTS, *GONE, Fenced, Lost, sqlite3.Error)


def clock() -> float:
    """Return seconds that run on while the machine sleeps: a lease does not wait for who is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Relay:
    """One relay process. Its loop's thread owns it, but for the requests, which its pool's threads make."""

    def __init__(self, settings: RelaySettings, unknown_minute: float = UNKNOWN_MINUTE) -> None:
        self._settings = settings
        self._unknown_minute = unknown_minute
        self._way = Way(
            settings.broker, settings.credentials, settings.ca_file, settings.client_cert, settings.client_key
        )
        self._record = Record(Path(settings.state))
        self._posts: dict[str, Post] = {
            fingerprint(key): Api(settings.events.of_key(key)).post for key in settings.events.api_keys
        }
        self._pool = ThreadPoolExecutor(max_workers=len(self._posts))
        self._lease = Lease(f"{socket.gethostname()} {os.getpid()} {token_hex(4)}", float(settings.lease))
        self._session: Session | None = None
        self._work: asyncio.Task[None] | None = None
        self._status_at = 0.0
        self._troubled = False

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        asyncio.run(self._run())
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._record.close()

    async def _run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        main = asyncio.create_task(self._run_on())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((main, stopped), return_when=asyncio.FIRST_COMPLETED)
        for task in (main, stopped):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await main

    async def _run_on(self) -> None:
        while True:
            try:
                await self._connected()
            except* FAULTS as group:
                self._say(group)
            await asyncio.sleep(PAUSE)

    def _say(self, group: BaseExceptionGroup[Exception]) -> None:
        """Log what went wrong when it begins, not at each try."""
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        level = logging.INFO if self._troubled else logging.WARNING
        log.log(level, "the work is interrupted and begins anew: %s", str(first) or type(first).__name__)
        self._troubled = True

    async def _connected(self) -> None:
        client = await self._way.connect(TIMEOUT, "_INBOX.relay")
        streams, bucket = Streams(client, TIMEOUT), Bucket(client, TIMEOUT)
        try:
            await make(client, self._settings.replicas)
            while True:
                await self._turn(streams, bucket)
                await asyncio.sleep(self._lease.seconds / RENEWALS)
        finally:
            await self._rest(bucket)
            with contextlib.suppress(*FAULTS):
                await asyncio.wait_for(client.close(), 2.0)

    async def _turn(self, streams: Streams, bucket: Bucket) -> None:
        """Renew the lease or look who holds it; begin and end the work accordingly."""
        # First, also for who holds it: a broker that forgot all may have come to the same number again.
        grant, found = await bucket.look()
        self._lease = self._lease.saw(grant, found, clock())
        asked = clock()
        if self._lease.may_ask(asked):
            async with asyncio.timeout(self._lease.seconds):
                revision = await bucket.ask(self._lease, asked)
            self._lease = self._lease.won(revision, asked) if revision else self._lease.lost()
        if self._work and self._work.done():
            await self._work  # raises what ended it
        if self._lease.holds(clock()):
            await self._go_on(streams, bucket)
        else:
            await self._stop_work()
            await Journal(streams, self._record).catch_up()

    async def _go_on(self, streams: Streams, bucket: Bucket) -> None:
        grant = self._lease.grant
        if grant and self._work is None:
            log.warning("at work, as number %d", grant.epoch)
            self._troubled = False
            self._session = self._new_session(streams)
            work = self._session.run(grant.holder, grant.epoch, self._unknown_minute)
            self._work = asyncio.create_task(work)
        if grant and self._session and clock() >= self._status_at:
            self._status_at = clock() + STATUS_EVERY
            await bucket.say_status(report(grant, self._session, self._record, clock()))

    def _new_session(self, streams: Streams) -> Session:
        events = self._settings.events
        budget = Budget(
            events.api_keys,
            float(events.rate_limit),
            float(events.workspace_limit),
            random.Random(),  # noqa: S311 - jitter needs no secrecy
        )
        requests = Requests(budget, self._posts, self._holds, clock, self._pool)
        settings = self._settings
        holding = Holding(settings.rules, settings.windows, Windows().ends, self._record.notes)
        sieve = Sieve(holding, lambda: time.time_ns() // 1_000_000)
        return Session(streams, self._record, requests, sieve, clock)

    def _holds(self) -> bool:
        """Called by the pool's threads as well: a lease is one value, replaced as a whole."""
        return self._lease.holds(clock())

    async def _stop_work(self) -> None:
        if self._work is None:
            return
        work, self._work, self._session = self._work, None, None
        work.cancel()
        await asyncio.wait((work,))
        if not work.cancelled() and (error := work.exception()):
            log.info("the work ended: %s", error)

    async def _rest(self, bucket: Bucket) -> None:
        """End the work, and let the next relay begin at once."""
        held = self._lease.holds(clock())
        await self._stop_work()
        self._lease = self._lease.lost()
        if held:
            with contextlib.suppress(*FAULTS):
                await asyncio.wait_for(bucket.release(self._lease), 1.0)


def run(settings: RelaySettings, ready: Callable[[], None] = lambda: None) -> None:
    """Run a relay until SIGTERM or SIGINT."""
    relay = Relay(settings)
    ready()
    relay.run()
