"""Any service that takes a POST: ntfy, Slack, Teams, PagerDuty, Alertmanager, healthchecks.io and the like."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent import __version__
from agent.config.sections.destination import WebhookSettings
from agent.config.template import fill, fill_url, is_json
from agent.delivery.answer import Answer, Hide, Verdict, hide_body, plain, userinfo
from agent.delivery.digest import Digest
from agent.delivery.sinks.webhook.answers import classify
from agent.delivery.sinks.webhook.values import values, values_of_digest
from agent.model import Notification
from agent.system.redactor import redactor

if TYPE_CHECKING:
    from agent.delivery.sinks.wire import Client


class Webhook:
    """One service, as the settings say. One emitter's thread uses it.

    `requests` is imported with the first delivery.
    """

    def __init__(self, settings: WebhookSettings, hide: Hide = str) -> None:
        self._settings = settings
        self._client: Client | None = None
        # Whoever knows the address of most such services may post to it.
        path = settings.url.partition("://")[2].partition("/")[2]
        own = redactor([path, *settings.headers.values(), *userinfo(settings.url), *userinfo(settings.proxy)])
        self._hide: Hide = lambda text: hide(own(text))

    # What is kept are the values, not what is sent: url and body may hold keys, which belong in no database.
    def render(self, change: Notification) -> bytes:
        return json.dumps(values(change, self._settings.words)).encode()

    def bundle(self, many: Digest) -> bytes:
        return json.dumps(values_of_digest(many, self._settings.words)).encode()

    def post(self, body: bytes) -> Answer:
        """Send one; returns an answer whatever happens, before the configured time-out is over."""
        # Late: an agent that has nothing to tell does not pay 19 MB for it.
        from agent.delivery.sinks.wire import Client, NoAnswer, Way

        settings = self._settings
        fields = json.loads(body)
        own = {name.lower(): text for name, text in settings.headers.items()}
        kind = "application/json" if is_json(settings.body) else "text/plain; charset=utf-8"
        content = fill(settings.body, fields, own.get("content-type", kind)).encode("utf-8", "replace")
        headers = {"Content-Type": kind, "User-Agent": f"hostvigil/{__version__}", "Accept-Encoding": "identity"}
        self._client = self._client or Client(Way(settings.timeout, settings.proxy, settings.ca_file))
        try:
            url = fill_url(settings.url, fields)
            response = self._client.ask(settings.method, url, headers | settings.headers, content)
            reply = hide_body(response.body, self._hide)
            answer = classify(response.status, response.headers, reply, settings.accepted)
            if response.error and response.status < 300 and answer.verdict is Verdict.UNAVAILABLE:
                answer = replace(answer, text=f"HTTP {response.status}, {response.error}")
        except NoAnswer as error:
            answer = Answer(Verdict.UNAVAILABLE, str(error))
        return plain(answer, self._hide)
