"""What is pushed: one JSON object on one line, checked before anything believes it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.model import Metric, Outcome, Pushed, Result, Status
from agent.plugin.clock import wall_clock
from agent.plugin.results import presentable

MOST_BYTES = 65_536
"""One message; what is longer is refused."""

CLOCK_SET_SINCE = 1_000_000_000_000
"""2001 in Unix milliseconds: what is said to be older was dated by a clock that was not set."""

NAME_LIMIT = 200
MOST_METRICS = 100
Name = Annotated[str, Meta(min_length=1, max_length=NAME_LIMIT)]


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A result, or the news that a run has begun."""

    check: Name
    kind: Literal["result", "started"] = "result"
    status: Status = Status.OK
    summary: Annotated[str, Meta(max_length=4000)] = ""
    details: Annotated[str, Meta(max_length=32_000)] = ""
    subject: Annotated[str, Meta(max_length=500)] = ""
    metrics: Annotated[dict[Name, float], Meta(max_length=MOST_METRICS)] = {}
    at: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """When it was so, Unix milliseconds; 0: now."""
    run: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    """The process whose run begins or ends with it; 0: it is no run's."""


class NotAMessage(Exception):
    """What came is no message: the text says why."""


def parse(line: bytes) -> Message:
    """Read one line; NotAMessage where it is none."""
    try:
        message = msgspec.json.decode(line, type=Message)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotAMessage(f"not understood: {_in_words(str(error))}") from None
    if not all(map(math.isfinite, message.metrics.values())):
        raise NotAMessage("a metric is not a number")
    return message


def _in_words(error: str) -> str:
    """Say which part is too long in the words of `report`'s options; any other complaint as it is."""
    match = re.fullmatch(r"Expected `(\w+)` of length <= (\d+) - at `(key` in `)?\$[.](\w+).*", error)
    if not match:
        return error
    part = f"a name in {match[4]}" if match[3] else match[4]
    return f"{part} is longer than {match[2]} {'characters' if match[1] == 'str' else 'entries'}"


def encode(message: Message) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def outcome(message: Message, from_spool: bool, now: int, scrub: Callable[[str], str], sender: str = "") -> Outcome:
    """Return the pushed result as a run's outcome; `now` in Unix milliseconds bounds a clock that is ahead."""
    metrics = tuple(Metric(name, value) for name, value in message.metrics.items())
    origin = Pushed.SPOOLED if from_spool else Pushed.LIVE
    by = f"pushed by {sender}" if sender else ""
    details = "\n".join(filter(None, (message.details, by)))
    result = Result(message.status, message.summary or str(message.status), message.subject, details, metrics)
    # Not complete: it speaks of one subject, the others have not disappeared because of it.
    return Outcome(
        message.check,
        message.run,
        min(message.at, now) if message.at >= CLOCK_SET_SINCE else now,
        0.0,
        presentable([result], scrub),
        complete=False,
        pushed=origin,
    )


def prepare(message: Message) -> Message:
    """Return the message with its time, as it may wait in the spool before anybody reads it; any bytes can be sent."""
    texts = {name: _writable(getattr(message, name)) for name in ("check", "summary", "details", "subject")}
    metrics = {_writable(name): value for name, value in message.metrics.items()}
    return _shorten(msgspec.structs.replace(message, at=message.at or wall_clock(), metrics=metrics, **texts))


def _shorten(message: Message) -> Message:
    """Return what can be sent of it: letters may take six bytes each, and a long text costs its end, not the result."""
    while len(encode(message)) > MOST_BYTES and (message.details or message.summary):
        if message.details:
            message = msgspec.structs.replace(message, details=message.details[: len(message.details) // 2])
        else:
            message = msgspec.structs.replace(message, summary=message.summary[: len(message.summary) // 2])
    return message


def _writable(text: str) -> str:
    """Write what is no character, such as a file name that is not UTF-8, as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()
