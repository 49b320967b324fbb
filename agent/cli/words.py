"""What a word of the command line may be: each reads one, and says what to write instead of what it refuses."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path

STATUSES = ("critical", "flapping", "warning", "nodata", "ok")


def path(text: str) -> Path:
    """Refuse nothing at all, which would be the folder that somebody happens to be in."""
    if not text:
        raise ArgumentTypeError("is empty: is a variable not set?")
    return Path(text)


def statuses(text: str) -> str:
    for word in text.split(","):
        if word not in STATUSES:
            raise ArgumentTypeError(f"{word!r} is no status, write one of {', '.join(STATUSES)}")
    return text


def tag(text: str) -> str:
    name, equals, value = text.partition("=")
    if not (name and equals and value) or " " in text:
        raise ArgumentTypeError(f"{text!r} needs a tag and a value, write for example env=prod")
    return text


def seconds(text: str) -> float:
    number = float(text)
    if not 0.2 <= number <= 86_400:
        raise ArgumentTypeError("write a number of seconds between 0.2 and 86400")
    return number


def result_status(text: str) -> str:
    """Take the words of Nagios as well, in any case."""
    return {"warn": "warning", "crit": "critical", "unknown": "nodata"}.get(text.lower(), text.lower())


def count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 1_000_000):
        raise ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)
