"""Changes by the hundred, and an API in words that takes them one by one or as digests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

from agent.api import Check
from agent.config.settings import CheckConfig, Place
from agent.delivery.answer import Answer, Verdict
from agent.delivery.courier import Courier
from agent.delivery.digest import Digest
from agent.delivery.sinks.truewatch.event import digest_event, event
from agent.engine.notifications import Sender, of_change
from agent.model import EventStatus, Notification, Report, Result, State, Status
from agent.store import Change, Store
from tests.delivery.deliveries import HOST, NOW, Clock, courier
from tests.stand_ins.api import problems

WORDS = {
    EventStatus.CRITICAL: "no answer within 10s",
    EventStatus.WARNING: "slow",
    EventStatus.OK: "fine",
    EventStatus.NODATA: "cannot look",
}


def change(
    check: str,
    number: int,
    told: EventStatus = EventStatus.CRITICAL,
    previous: EventStatus | None = None,
    subject: str = "",
) -> Notification:
    """The `number`-th change of a check, composed as the agent does it; an incident is two changes long."""
    at = NOW + number * 60_000
    report = Report(told, previous, f"{check}-{subject}-{(number + 1) // 2}", number, at - 30_000, at - 30_000)
    result = Result(Status.CRITICAL, WORDS.get(told, "changes all the time"), subject)
    config = CheckConfig(check, "http", Check(), Place(""))
    return of_change(report, result, config, Sender(HOST, {"env": "prod"}), at)


def story(check: str, *tolds: EventStatus) -> list[Notification]:
    before: list[EventStatus | None] = [None, *tolds]
    return [change(check, number, told, before[number - 1]) for number, told in enumerate(tolds, 1)]


def record(store: Store, *events: Notification) -> None:
    store.record([Change(State(event.check, event.subject), event) for event in events])


class Worded:
    """Words notifications as the API's sink does."""

    def render(self, told: Notification) -> bytes:
        return msgspec.json.encode(event(told))

    def bundle(self, many: Digest) -> bytes:
        return msgspec.json.encode(digest_event(many))


class Far(Worded):
    """An API in words: answers as the test says, and keeps what it took with the moment."""

    def __init__(
        self, clock: Clock, answer: Callable[[dict[str, Any]], Verdict] = lambda body: Verdict.DELIVERED
    ) -> None:
        self.clock = clock
        self.answer = answer
        self.requests: list[float] = []
        self.taken: list[dict[str, Any]] = []

    def post(self, body: bytes) -> Answer:
        self.requests.append(self.clock.now)
        decoded = json.loads(body)
        assert problems(body) == []
        kind = self.answer(decoded)
        if kind is Verdict.DELIVERED:
            self.taken.append(decoded)
        return Answer(kind, "scripted")


def emitter(store: Store, far: Any, clock: Clock, rate: float = 20, above: float = 10, **more: Any) -> Courier:
    return courier(store, far, clock, rate, above, **more)


def ids(body: dict[str, Any]) -> list[str]:
    """The changes that an accepted event tells, in its order."""
    if "digest" in body["customTags"]:
        return re.findall(r"^  [-0-9]{10} [:0-9]{8} [a-z]+ ([0-9a-f]{32})$", body["message"], re.MULTILINE)
    return [body["customTags"]["event_id"]]


def told(taken: list[dict[str, Any]]) -> list[str]:
    return [event_id for body in taken for event_id in ids(body)]
