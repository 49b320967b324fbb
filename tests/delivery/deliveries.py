"""What tests of store and delivery share: notifications by name, a store with a destination, a courier by hand."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.config.sections.destination import MAIN
from agent.delivery.agent_news import AgentNews
from agent.delivery.bundling import Bundling
from agent.delivery.courier import Courier
from agent.delivery.problems import DeliveryProblems
from agent.delivery.throttle import Limiter, Throttle
from agent.engine.destinations import selects
from agent.engine.notifications import Sender, of_agent
from agent.model import Destination, EventStatus, Notification, State, Status
from agent.store import Bounds, Change, Outbox, Store

NOW = 1_700_000_000_000
HOST = {"host": "web-1", "os": "linux"}


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def nothing_stands(destination: Destination, known: object) -> list[Notification]:
    return []


def opened(folder: Path, *names: str, bounds: Bounds | None = None) -> Store:
    """Open a store in which these destinations are told; without names the main one."""
    store = Store.open(folder, bounds, selects)
    store.adopt([Destination(name, name) for name in names or (MAIN,)], [], NOW, nothing_stands)
    return store


def out(store: Store, destination: str = MAIN) -> Outbox:
    return store.outbox(destination)


def critical(name: str, subject: str = "", status: EventStatus = EventStatus.CRITICAL) -> Notification:
    """Return a notification by its name: `disk-1` is the first of the check `disk`."""
    check, _, number = name.rpartition("-")
    return Notification(
        id=name,
        check=check,
        subject=subject,
        status=status,
        at=NOW + int(number),
        type="http",
        incident=f"incident of {check}",
        incident_since=NOW,
        summary=name,
        host=HOST,
    )


def change(name: str, subject: str = "") -> Change:
    told = critical(name, subject)
    return Change(State(told.check, subject, decided=Status.CRITICAL, events=told.at - NOW), told)


def record(store: Store, *names: str) -> None:
    """Record one notification each."""
    for name in names:
        store.record([change(name)])


def no_news(subject: str, text: str, status: EventStatus) -> Notification:
    return of_agent(subject, text, Sender(HOST, {}), NOW, status)


def courier(
    store: Store,
    sink: Any,
    clock: Callable[[], float],
    rate: float = math.inf,
    above: float = math.inf,
    compose: Callable[[str, str, EventStatus], Notification] = no_news,
    heartbeat: float = 0.0,
    destination: str = MAIN,
) -> Courier:
    """Return a courier whose clock the test moves."""
    outbox = store.outbox(destination)
    problems = DeliveryProblems(destination, clock)
    return Courier(
        outbox,
        sink,
        Throttle(Limiter(rate), problems, random.Random(1)),
        Bundling(outbox, sink, above),
        AgentNews(outbox, compose, store.append, heartbeat),
        problems,
        clock,
    )


def drained(working: Courier, clock: Clock, seconds: float = math.inf) -> float:
    """Let the courier work until it wants to be woken or `seconds` have passed; return how long that took."""
    began = clock.now
    while (wait := working.drain()) < math.inf and clock.now + wait <= began + seconds:
        clock.now += wait
    return clock.now - began
