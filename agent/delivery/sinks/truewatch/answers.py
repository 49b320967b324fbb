"""Pure: what the API, or whatever stands in its place, answered -> what that means for the event."""

from __future__ import annotations

import json
import time
from typing import Any

from agent.delivery.answer import Answer, Verdict

KEY_HINT = "check agent.events.api_key: it is the key's id, not its secret, and belongs to this endpoint"
WRONG_PLACE = "there is no create-event API at this endpoint, check agent.events.endpoint"
RETRY_AFTER_LIMIT = 3600.0
UNIX_TIME = 1e9
"""Nobody asks to wait 30 years: it is a moment in seconds since 1970."""
TEXT_LIMIT = 300

# These say something of the way to the API (a proxy, a wrong host, a time-out), nothing of the event.
NOT_THE_EVENT = {
    404: WRONG_PLACE,
    405: WRONG_PLACE,
    407: "the proxy wants authentication, check agent.events.proxy",
    408: "the server waited too long for the request",
    421: WRONG_PLACE,
    425: "the server wants to be asked again later",
}
OF_THE_EVENT = (413, 422)
"""These are about what was sent, whoever says them."""
IN_BETWEEN = (
    "this is not the API's own answer: something on the way to it (a proxy, a firewall) refuses this; where it refuses "
    "all, check agent.events.endpoint and api_key"
)


def classify(status: int, headers: dict[str, str], body: bytes) -> Answer:
    """Judge an HTTP answer: by its errorCode first, by its status second. Header names in lower case."""
    envelope = _envelope(body)
    code = str(envelope.get("errorCode") or "")
    text = _text(status, envelope, body)
    trace_id = str(envelope.get("traceId") or "")[:TEXT_LIMIT]
    retry_after = seconds_to_wait(headers.get("retry-after", ""), headers.get("date", ""))
    if code.endswith("CurrentLimiting"):
        return Answer(Verdict.THROTTLED, text, trace_id, retry_after)
    if code == "ft.InvalidAPIKey":
        return Answer(Verdict.BAD_KEY, f"{text}; {KEY_HINT}", trace_id)
    if status == 200:
        return _of_a_200(envelope, text, trace_id, retry_after)
    if _from_in_between(status, envelope):
        return Answer(Verdict.UNAVAILABLE, f"{text}; {IN_BETWEEN}", trace_id, retry_after, perhaps_of_this=True)
    return _by_status(status, headers, text, trace_id, retry_after)


def _from_in_between(status: int, envelope: dict[str, Any]) -> bool:
    """Tell whether somebody else than the API refuses: it may be one event's words that a firewall does not like."""
    is_known = status in NOT_THE_EVENT or status in OF_THE_EVENT or status == 429
    return 400 <= status < 500 and not is_known and not envelope.keys() & {"code", "errorCode", "success"}


def _of_a_200(envelope: dict[str, Any], text: str, trace_id: str, retry_after: float) -> Answer:
    """A 200 is not a delivery: the envelope has to say so too, and may say what was wrong with the event."""
    code, success = envelope.get("code"), envelope.get("success")
    if success is True and code == 200:
        return Answer(Verdict.DELIVERED, text, trace_id)
    if success is False and isinstance(code, int) and 400 <= code < 500:
        return _by_status(code, {}, text, trace_id, retry_after)
    fault = f"not the API's answer to a delivery: {text}"
    # Of a login page, or the address of the console instead of the API's.
    text = fault if envelope else f"{fault}; check agent.events.endpoint"
    return Answer(Verdict.UNAVAILABLE, text, trace_id, retry_after)


def _by_status(status: int, headers: dict[str, str], text: str, trace_id: str, retry_after: float) -> Answer:
    if status == 429:
        return Answer(Verdict.THROTTLED, text, trace_id, retry_after)
    if status in (401, 403):
        return Answer(Verdict.BAD_KEY, f"{text}; {KEY_HINT}", trace_id)
    if 300 <= status < 400:
        target = headers.get("location", "elsewhere")[:TEXT_LIMIT]
        return Answer(
            Verdict.UNAVAILABLE, f"HTTP {status}, redirects to {target}; {WRONG_PLACE}", trace_id, retry_after
        )
    if status in NOT_THE_EVENT:
        return Answer(Verdict.UNAVAILABLE, f"{text}; {NOT_THE_EVENT[status]}", trace_id, retry_after)
    kind = Verdict.REFUSED if 400 <= status < 500 else Verdict.UNAVAILABLE
    return Answer(kind, text, trace_id, retry_after)


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        # The standard library's: a lone surrogate or a NaN in somebody's error page is no reason to fail.
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return envelope if isinstance(envelope, dict) else {}


def _text(status: int, envelope: dict[str, Any], body: bytes) -> str:
    parts = [str(envelope[name]) for name in ("errorCode", "message") if envelope.get(name)]
    if not parts and not envelope:
        parts = [" ".join(body[:TEXT_LIMIT].decode(errors="replace").split()) or "empty body"]
    return f"HTTP {status}" + (f": {' '.join(parts)}"[:TEXT_LIMIT] if parts else "")


def seconds_to_wait(retry_after: str, date: str = "") -> float:
    """Read Retry-After (RFC 9110 10.2.3): seconds, or a moment; `date` is when the server says that it answered."""
    if not retry_after:
        return 0.0
    try:
        seconds = float(retry_after)
        if seconds > UNIX_TIME:
            seconds -= _moment(date) or time.time()
    except ValueError:
        seconds = _seconds_until(retry_after, date)
    # `not >` also catches nan.
    return min(seconds, RETRY_AFTER_LIMIT) if seconds > 0 else 0.0


def _seconds_until(moment: str, date: str) -> float:
    """Count from the server's own clock where it tells it: ours may be wrong."""
    until = _moment(moment)
    return until - (_moment(date) or time.time()) if until else 0.0


def _moment(date: str) -> float:
    """Read a date of HTTP in its three forms as Unix seconds; 0 where it is none."""
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
