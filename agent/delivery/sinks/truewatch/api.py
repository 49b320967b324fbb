"""One POST and what became of it."""

from __future__ import annotations

import msgspec

from agent import __version__
from agent.config.settings import EventsSettings
from agent.delivery.sinks.terminal import Terminal
from agent.delivery.sinks.truewatch.answers import KEY_HINT, Answer, Verdict, classify
from agent.system.redactor import redactor

__all__ = ["Answer", "Api", "Terminal", "Verdict"]

CREATE = "/api/v1/events/create"
VALIDATE = "/api/v1/validate"


class Api:
    """The create-event API at the configured endpoint; `requests` is imported with the first event."""

    def __init__(self, settings: EventsSettings) -> None:
        self._settings = settings
        self._hide = redactor([settings.api_key, *_userinfo(settings.endpoint), *_userinfo(settings.proxy)])

    def post(self, body: bytes) -> Answer:
        """Send one event; returns an answer whatever happens, before the configured time-out is over."""
        return self._ask("POST", CREATE, body)

    def validate_key(self) -> Answer:
        """Ask whether the key is valid, without side effects: `delivered` says yes, `bad key` says no."""
        return self._ask("GET", VALIDATE, None)

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        # Late: an agent that has nothing to tell does not pay 19 MB for it.
        from agent.delivery.sinks.wire import Fault, Request

        key = self._settings.api_key.strip()
        if not key or not (key.isascii() and key.isprintable()):
            return Answer(Verdict.BAD_KEY, f"the key is {'not one' if key else 'empty'}; {KEY_HINT}")
        headers = {"DF-API-KEY": key, "Content-Type": "application/json", "User-Agent": f"hostvigil/{__version__}"}
        # Not compressed: what is read is bounded, and stays so only if it is not inflated afterwards.
        headers["Accept-Encoding"] = "identity"
        try:
            request = Request(self._settings, method, self._settings.endpoint.rstrip("/") + path, headers, body)
            answer = classify(*request.answer())
        except Fault as fault:
            answer = Answer(Verdict.UNAVAILABLE, str(fault))
        return msgspec.structs.replace(answer, text=self._hide(answer.text), trace_id=self._hide(answer.trace_id))


def _userinfo(url: str) -> list[str]:
    """Return what must not show of `https://user:password@host`."""
    authority = url.partition("://")[2].partition("/")[0]
    userinfo, at, _ = authority.rpartition("@")
    password = userinfo.partition(":")[2]
    return [part for part in (userinfo, password) if part] if at else []
