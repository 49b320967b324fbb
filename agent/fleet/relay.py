"""A relay process: it is at work while it holds the lease, else it stands by and follows what the others write."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sqlite3
from pathlib import Path
from secrets import token_hex

import msgspec

from agent.delivery.handover.connection import FAULTS as BROKER_FAULTS
from agent.delivery.handover.connection import words
from agent.fleet.asking import way_to_broker
from agent.fleet.bucket import Bucket
from agent.fleet.journal import Journal
from agent.fleet.lease import RENEWALS, Lease
from agent.fleet.making import make
from agent.fleet.record import Record
from agent.fleet.requests import LeaseLost
from agent.fleet.settings import RelaySettings
from agent.fleet.status import RelayView, parse_status, report
from agent.fleet.streams import API_ERRORS, Streams, WriteConflict
from agent.fleet.work import UNKNOWN_MINUTE, Work, clock
from agent.plugin.clock import wall_clock

log = logging.getLogger("hostvigil.relay")

TIMEOUT = 5.0
PAUSE = 1.0
"""Seconds after the broker was gone."""
STATUS_EVERY = 2.0
FAULTS: tuple[type[Exception], ...] = (*BROKER_FAULTS, *API_ERRORS, WriteConflict, LeaseLost, sqlite3.Error)


class Relay:
    """One relay process. Its loop's thread owns it; a page's threads look at `view` only."""

    def __init__(self, settings: RelaySettings, unknown_minute: float = UNKNOWN_MINUTE) -> None:
        self._settings = settings
        self._way = way_to_broker(settings)
        self._record = Record(Path(settings.state))
        self._lease = Lease(f"{socket.gethostname()} {os.getpid()} {token_hex(4)}", float(settings.lease))
        self._work = Work(settings, self._record, self._holds, unknown_minute)
        self._status_at = 0.0
        self._is_failing = False
        self.view = RelayView(self._lease.me)
        """A value, replaced as a whole."""

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        asyncio.run(self._run())
        self._work.close()
        self._record.close()

    async def _run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        main = asyncio.create_task(self._run_on())
        stop_task = asyncio.create_task(stop.wait())
        await asyncio.wait((main, stop_task), return_when=asyncio.FIRST_COMPLETED)
        for task in (main, stop_task):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await main

    async def _run_on(self) -> None:
        while True:
            try:
                await self._connect_and_work()
            except* FAULTS as group:
                self._say(group)
            await asyncio.sleep(PAUSE)

    def _say(self, group: BaseExceptionGroup[Exception]) -> None:
        """Log what went wrong when it begins, not at each try."""
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        level = logging.INFO if self._is_failing else logging.WARNING
        log.log(level, "the work is interrupted and begins anew: %s", words(first))
        self._is_failing = True

    async def _connect_and_work(self) -> None:
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
        grant, number = await bucket.look()
        self._lease = self._lease.observe(grant, number, clock())
        asked_at = clock()
        if self._lease.may_ask(asked_at):
            async with asyncio.timeout(self._lease.seconds):
                revision = await bucket.ask(self._lease, asked_at)
            self._lease = self._lease.acquire(revision, asked_at) if revision else self._lease.drop()
        await self._work.require()
        if self._lease.holds(clock()) and self._lease.grant:
            self._is_failing = False
            self._work.begin(streams, self._lease.grant)
        else:
            await self._work.stop()
            await Journal(streams, self._record).catch_up()
        await self._show(bucket)

    async def _show(self, bucket: Bucket) -> None:
        """Say how the work goes; who stands by takes over what is said for its own page."""
        if clock() < self._status_at:
            return
        self._status_at = clock() + STATUS_EVERY
        status, grant = self.view.status, self._lease.grant
        if self._work.session and grant:
            status = report(grant, self._work.session, self._record, clock())
            await bucket.say_status(msgspec.json.encode(status))
        elif self._settings.page:
            status = parse_status(await bucket.status())
        self.view = self.view.hear(grant, status, wall_clock())

    def _holds(self) -> bool:
        """Called by the pool's threads as well: a lease is one value, replaced as a whole."""
        return self._lease.holds(clock())

    async def _rest(self, bucket: Bucket) -> None:
        """End the work, and let the next relay begin at once."""
        had_lease = self._lease.holds(clock())
        await self._work.stop()
        self._lease = self._lease.drop()
        self.view = self.view.hear(None, self.view.status, wall_clock())
        if had_lease:
            with contextlib.suppress(*FAULTS):
                await asyncio.wait_for(bucket.release(self._lease), 1.0)


def run(settings: RelaySettings) -> None:
    """Run a relay until SIGTERM or SIGINT; OSError where its state or its page cannot be had."""
    relay = Relay(settings)
    if not settings.page:
        relay.run()
        return
    from agent.config.page_address import parse
    from agent.fleet.page.application import application
    from agent.page.server import PageServer

    address = parse(settings.page)
    server = PageServer(address, application(lambda: (relay.view, wall_clock()), address))
    try:
        relay.run()
    finally:
        server.stop()
