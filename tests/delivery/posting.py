"""An event as it is posted to the API, and a client that posts it."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from agent.api import Duration
from agent.config.settings import EventsSettings
from agent.delivery.sinks.truewatch.api import Api
from tests.stand_ins.api import ApiStandIn

BODY = {
    "date": 1_700_000_000_000,
    "status": "critical",
    "title": "CRITICAL root-disk on web-1: full",
    "message": "- status: critical",
    "origin": "hostvigil",
    "customTags": {"host": "web-1", "event_id": "e1"},
}


RAW = json.dumps(BODY).encode()


def client(api: ApiStandIn, **settings: Any) -> Api:
    plain = EventsSettings(endpoint=api.url, api_key=api.key, timeout=Duration(2.0))
    return Api(msgspec.structs.replace(plain, **settings))
