"""What a word of the command line may be: each reads one, and says what to write instead of what it refuses."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path

EVENT_ACTIONS = ("retry", "restate")
STATUSES = ("critical", "flapping", "warning", "nodata", "ok")
_MEANT = {
    "ok": "0 success succeeded successful good up passed fine done okay true resolved green",
    "warning": "1 warn warnings yellow",
    "critical": "2 crit fail failed failure error err down bad alert false broken red ko",
    "nodata": "3 unknown none missing pending",
}
"""Ours, and the words of others for it."""


def path(text: str) -> Path:
    """Refuse nothing at all, which would be the folder that somebody happens to be in."""
    if not text:
        raise ArgumentTypeError("is empty: is a variable not set?")
    return Path(text)


def not_empty(text: str) -> str:
    """Refuse nothing at all: what a variable was to say is not what it is without the word."""
    if not text:
        raise ArgumentTypeError("is empty: is a variable not set?")
    if reason(text) != text:
        raise ArgumentTypeError("is not written in UTF-8")
    return text


def reason(text: str) -> str:
    """Take any text; what is no UTF-8 in it is written as an escape."""
    return text.encode(errors="backslashreplace").decode()


def statuses(text: str) -> str:
    """Take statuses with commas between them."""
    for word in text.split(","):
        if word not in STATUSES:
            ours = _status_of(word) or f"one of {', '.join(STATUSES)}"
            raise ArgumentTypeError(f"{word!r} is no status, write {ours}")
    return text


def tag(text: str) -> str:
    """Take `name=value`."""
    name, equals, value = text.partition("=")
    if not (name and equals and value) or " " in text:
        raise ArgumentTypeError(f"{text!r} needs a tag and a value, write for example env=prod")
    return text


def seconds(text: str) -> float:
    """Take a number of seconds from 0.2 to a day."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.2 <= number <= 86_400:
        raise ArgumentTypeError(f"{text!r} is none, write a number of seconds between 0.2 and 86400, without a unit")
    return number


def result_status(text: str) -> str:
    """Take the words of Nagios as well, in any case; of other words say which status they are."""
    ours = {"warn": "warning", "crit": "critical", "unknown": "nodata"}.get(text.lower(), text.lower())
    if ours not in _MEANT:
        raise ArgumentTypeError(f"{text!r} is no status, write {_status_of(text) or ', '.join(_MEANT)}")
    return ours


def _status_of(word: str) -> str:
    """Return the status that a word of others means; '' where that is not known."""
    return next((ours for ours, theirs in _MEANT.items() if word.lower() in (ours, *theirs.split())), "")


def event_action(text: str) -> str:
    """Take what can be done with events; of a number say which option is meant."""
    if text in ("pending", "refused"):
        raise ArgumentTypeError(f"{text!r} is an option, write --{text}")
    if text not in EVENT_ACTIONS:
        instead = "--limit says how many, and `hostvigil history NAME` shows one check's"
        raise ArgumentTypeError(f"{text!r} is neither {' nor '.join(EVENT_ACTIONS)}: {instead}")
    return text


def count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 1_000_000):
        raise ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
