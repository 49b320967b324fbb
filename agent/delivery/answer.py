"""What came of one request to a destination, and what that means for the notification in it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from agent.plugin.text import one_line

TEXT_LIMIT = 600
Hide = Callable[[str], str]
"""Takes the secrets out of a text."""


class Verdict(enum.StrEnum):
    """What an answer means for what was sent."""

    DELIVERED = "delivered"
    THROTTLED = "throttled"
    """Too many requests: the notification is fine, wait."""
    BAD_KEY = "bad key"
    """The notification is fine, nothing gets through until somebody mends the key."""
    REFUSED = "refused"
    """The destination will never take this one."""
    UNAVAILABLE = "unavailable"
    """Nothing is known about it: try again."""


class Answer(msgspec.Struct, frozen=True):
    """What came of one request."""

    verdict: Verdict
    text: str
    """For the log and `hostvigil events`: what was answered, and what to do about it."""
    trace_id: str = ""
    retry_after: float = 0.0
    """Seconds the destination asks to wait; 0 when it does not say."""
    perhaps_of_this: bool = False
    """Something on the way refuses it: perhaps for its text, so that others would get through."""


def plain(answer: Answer, hide: Hide) -> Answer:
    """Return an answer as it may be stored, logged and shown: somebody else chose its words."""
    text, trace_id = (one_line(hide(part), TEXT_LIMIT) for part in (answer.text, answer.trace_id))
    return msgspec.structs.replace(answer, text=text, trace_id=trace_id)


def hide_body(body: bytes, hide: Hide) -> bytes:
    """Take secrets out of what a server echoes, before any of it is cut."""
    return hide(body.decode(errors="replace")).encode(errors="replace")


def userinfo(url: str) -> list[str]:
    """Return what must not show of `https://user:password@host`, as it is written and as it is sent.

    A proxy's address may lack its scheme.
    """
    before, scheme, after = url.partition("://")
    authority = (after if scheme else before).partition("/")[0]
    written, at, _ = authority.rpartition("@")
    if not at:
        return []
    parts = {form for text in (written, unquote(written)) for form in (text, text.partition(":")[2])}
    return [part for part in parts if part]
