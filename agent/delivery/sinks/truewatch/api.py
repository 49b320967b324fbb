"""The create-event API: notifications are worded as its events, and its answers are understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from agent import __version__
from agent.config.settings import EventsSettings
from agent.delivery.answer import Answer, Hide, Verdict, hide_body, plain, userinfo
from agent.delivery.digest import Digest
from agent.delivery.sinks.truewatch.answers import KEY_HINT, classify
from agent.delivery.sinks.truewatch.event import digest_event, event
from agent.model import Notification
from agent.system.redactor import redactor

if TYPE_CHECKING:
    from agent.delivery.sinks.wire import Client

CREATE = "/api/v1/events/create"


class Api:
    """The create-event API at the configured endpoint. One emitter's thread, or one request of a relay, uses it.

    `requests` is imported with the first event.
    """

    def __init__(self, settings: EventsSettings, hide: Hide = str) -> None:
        self._settings = settings
        self._client: Client | None = None
        own = redactor([settings.api_key, *userinfo(settings.endpoint), *userinfo(settings.proxy)])
        self._hide: Hide = lambda text: hide(own(text))

    def render(self, change: Notification) -> bytes:
        return msgspec.json.encode(event(change))

    def bundle(self, many: Digest) -> bytes:
        return msgspec.json.encode(digest_event(many))

    def post(self, body: bytes) -> Answer:
        """Send one event; returns an answer whatever happens, before the configured time-out is over."""
        # Late: an agent that has nothing to tell does not pay 19 MB for it.
        from agent.delivery.sinks.wire import Client, NoAnswer, Way

        settings = self._settings
        key = settings.api_key.strip()
        if not key or not (key.isascii() and key.isprintable()):
            return Answer(Verdict.BAD_KEY, f"the key is {'not one' if key else 'empty'}; {KEY_HINT}")
        headers = {"DF-API-KEY": key, "Content-Type": "application/json", "User-Agent": f"hostvigil/{__version__}"}
        # Some answer packed all the same, see Response.
        headers["Accept-Encoding"] = "identity"
        way = Way(settings.timeout, settings.proxy, settings.ca_file, settings.client_cert, settings.client_key)
        self._client = self._client or Client(way)
        try:
            response = self._client.ask("POST", settings.endpoint.rstrip("/") + CREATE, headers, body)
            answer = classify(response.status, response.headers, hide_body(response.body, self._hide))
            if response.error and answer.verdict is Verdict.UNAVAILABLE:
                answer = replace(answer, text=response.error)
        except NoAnswer as error:
            answer = Answer(Verdict.UNAVAILABLE, str(error))
        return plain(answer, self._hide)
