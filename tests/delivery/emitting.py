"""What hands notifications over in the tests of the emitter: a client of the stand-in, and a destination in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agent.api import Duration
from agent.config.settings import EventsSettings
from agent.delivery.answer import Answer, Verdict
from agent.delivery.digest import Digest
from agent.delivery.sinks.truewatch.api import Api
from agent.model import Notification
from tests.stand_ins.api import ApiStandIn


def client(api: ApiStandIn, **changes: Any) -> Api:
    return Api(msgspec.structs.replace(EventsSettings(api.url, api.key, timeout=Duration(2.0)), **changes))


def ids(api: ApiStandIn) -> list[str]:
    return [event["customTags"]["event_id"] for event in api.accepted]


class Scripted:
    """Takes notifications as the test says: a function of the id."""

    def __init__(self, answer: Callable[[str], Verdict]) -> None:
        self.answer = answer
        self.posts: list[str] = []

    def render(self, told: Notification) -> bytes:
        return told.id.encode()

    def bundle(self, many: Digest) -> bytes:
        return b"+".join(told.id.encode() for told in many.changes)

    def post(self, body: bytes) -> Answer:
        name = body.decode()
        self.posts.append(name)
        return Answer(self.answer(name), "scripted")
