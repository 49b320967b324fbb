"""What tests of the page share: a store with something in it, and a server that shows it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import msgspec

from agent.config.page_address import PageAddress
from agent.config.settings import Config
from agent.engine.suppression.silences import begin, end
from agent.model import EventStatus, Metric, Notification, Result, State, Status
from agent.page.acting import Acting
from agent.page.application import application
from agent.page.deeds import Deeds
from agent.page.readiness import Readiness
from agent.page.server import PageServer
from agent.page.sessions import Sessions
from agent.page.source import Cache, Source
from agent.store import Change, LastRun, Store
from tests.delivery.deliveries import opened

NOW = 1_700_000_000_000
HOUR = 3_600_000


class Told(msgspec.Struct, frozen=True):
    """One subject that is in the store."""

    check: str
    subject: str = ""
    status: Status = Status.OK
    summary: str = ""
    details: str = ""
    metrics: tuple[Metric, ...] = ()
    since: int = NOW - HOUR
    suppressed_by: str = ""


def put(store: Store, *told: Told, now: int = NOW) -> None:
    store.record([_change(one, now) for one in told])
    store.note(
        [
            LastRun(
                one.check,
                one.subject,
                Result(one.status, one.summary, one.subject, one.details, one.metrics),
                now - 7_000,
                0.25,
                now + 53_000,
            )
            for one in told
        ]
    )


def _change(one: Told, now: int) -> Change:
    bad = one.status is not Status.OK
    status = EventStatus(one.status)
    state = State(
        one.check,
        one.subject,
        decided=one.status,
        decided_since=one.since,
        bad=9 if bad else 0,
        good=0 if bad else 9,
        notified=status if bad else None,
        notified_at=one.since,
        events=1 if bad else 0,
        suppressed_by=one.suppressed_by,
    )
    told = Notification(
        f"{one.check}-{one.subject}-{one.since}"[:60],
        one.check,
        one.subject,
        status,
        one.since,
        previous=EventStatus.OK,
        summary=one.summary,
        details=one.details,
        host={"host": "shop-1"},
    )
    return Change(state, told if bad else None)


def with_two_disks(folder: Path) -> Path:
    """Make a state directory with three subjects of two checks, one of which has a blank in its name."""
    store = opened(folder)
    put(store, Told("web", "", Status.CRITICAL, "HTTP 503"), Told("disk", "/a b", summary="9%"), Told("disk", "/"))
    store.close()
    return folder


@contextmanager
def served(
    folder: Path, config: Config | None = None, host: str = "web-1", now: int = NOW, steering: Steered | None = None
) -> Iterator[PageServer]:
    """Yield a server that shows what the store in the folder says, as of `now`; nothing is kept from look to look."""
    with page_of(Store.beside(folder), folder, config or Config(), host, now, steering) as server:
        yield server


@contextmanager
def page_of(
    store: Store, folder: Path, config: Config, host: str, now: int, steering: Steered | None = None
) -> Iterator[PageServer]:
    address = PageAddress("127.0.0.1", 0)
    source = Source(folder, lambda: config, lambda: {"host": host}, lambda text: text, lambda: now)
    source.cache = Anew()
    deeds = Deeds(steering or Steered(folder), source.snapshot)
    acting = Acting(Sessions(lambda: config.agent.page_token), deeds, source) if config.agent.page_token else None
    server = PageServer(address, application(source, Readiness(store, lambda: config), address, acting))
    try:
        yield server
    finally:
        server.stop()
        store.close()


class Steered:
    """Keeps what the page has the agent do."""

    def __init__(self, folder: Path) -> None:
        self.begin_silence = partial(begin, folder)
        self.end_silences = partial(end, folder)
        self.done: list[tuple[str | None, ...]] = []
        self.subjects: list[str] = [""]

    def acknowledge(self, check: str, subject: str | None, words: str, who: str) -> dict[str, object]:
        self.done.append(("acknowledge", check, subject, words, who))
        return {"subjects": self.subjects}

    def run(self, check: str, who: str) -> dict[str, object]:
        self.done.append(("run", check, who))
        return {}


class Anew(Cache):
    """Keeps nothing."""

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        return make()


def ask(server: PageServer, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


__all__ = ["NOW", "Told", "ask", "opened", "page_of", "put", "served"]
