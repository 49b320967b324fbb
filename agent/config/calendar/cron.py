"""Cron lines as crontab(5) has them: each word is understood, or refused in words. Pure.

What is understood: five fields of numbers, names, lists, ranges and steps; `L`, `LW` and `5L` for the last day, weekday
(Monday to Friday) and Friday of a month; `1#2` for its second Monday; `@daily` and its like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from agent.config.calendar.turns import next_turn, zone_of

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class Field(msgspec.Struct, frozen=True):
    """One of the five fields: its bounds, and the names that stand for numbers, from `lowest` on."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()
    example: str = ""

    @property
    def with_article(self) -> str:
        return f"an {self.name}" if self.name == "hour" else f"a {self.name}"

    @property
    def end(self) -> int:
        """The last that is no other name of the first, as Sunday's 7 is."""
        return 6 if self.names == DAYS else self.highest

    def number(self, text: str) -> int:
        """Return the number that a word stands for; ValueError where it is none."""
        if text in self.names:
            return self.lowest + self.names.index(text)
        if not text.isdigit() or not self.lowest <= int(text) <= self.highest:
            raise ValueError(text)
        return int(text)


MINUTE = Field("minute", 0, 59, example="0-59")
HOUR = Field("hour", 0, 23, example="0-23")
DAY = Field("day of month", 1, 31, example="1-31, or L for the last")
MONTH = Field("month", 1, 12, MONTHS, "1-12, or jan to dec")
WEEKDAY = Field("weekday", 0, 7, DAYS, "0-7, or sun to sat")
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)

PART = re.compile(r"(\*|\d{1,3}|[a-z]{3})(?:-(\d{1,3}|[a-z]{3}))?(?:/(\d{1,3}))?", re.ASCII)
LAST_OR_NTH = re.compile(r"([0-7]|[a-z]{3})(?:(l)|#([1-5]))", re.ASCII)


@lru_cache
def normal(cron: str, zone: str = "") -> str:
    """Return the line in five fields, weekdays by name, all else in numbers; ValueError where it never comes."""
    texts = cron.lower().split()
    if len(texts) == 1 and texts[0].startswith("@"):
        texts = _nickname(texts[0]).split()
    if len(texts) != 5:
        example = _suggestion(cron) or "write minute, hour, day of month, month and weekday, for example 30 3 * * 1-5"
        raise ValueError(f"has {len(texts)} {'field' if len(texts) == 1 else 'fields'}, not 5: {example}")
    fields = [_field(field, text) for field, text in zip(FIELDS, texts, strict=True)]
    if fields[2].startswith("*"):
        fields[4] = _by_name(fields[4])
    line = " ".join(fields)
    if next_turn(line, zone_of(zone), datetime.now(UTC)) is None:
        raise ValueError("never comes: no month has such a day")
    return line


def _suggestion(text: str) -> str:
    """Say how a day's time, or a nickname without its sign, is written; '' for anything else."""
    if clock := re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text.strip()):
        return f"write {int(clock[2])} {int(clock[1])} * * *"
    nickname = f"@{text.strip().lower()}"
    return f'write "{nickname}"' if nickname in NICKNAMES else ""


def _nickname(word: str) -> str:
    if word == "@reboot":
        raise ValueError("names no time: what the host does at its start is seen by `type: reboot`, with an interval")
    if word not in NICKNAMES:
        raise ValueError(f"is not understood, write five fields or one of {', '.join(NICKNAMES)}")
    return NICKNAMES[word]


def _field(field: Field, text: str) -> str:
    if text == "?" and field in (DAY, WEEKDAY):
        return "*"
    return ",".join(_part(field, part) for part in text.split(","))


def _part(field: Field, part: str) -> str:
    """Return one item of a list in numbers; ValueError, in words, where it is none."""
    try:
        return _special(field, part) or _range(field, part)
    except ValueError as error:
        if len(error.args) > 1:
            raise ValueError(error.args[1]) from None
        text = f"has {field.with_article} that is not understood: {part[:20]!r}, write {field.example}"
        raise ValueError(text) from None


def _special(field: Field, part: str) -> str:
    """Return what only days have: the last one, the last or n-th weekday of a month; empty for anything else."""
    if field == DAY and part in ("l", "last", "lw"):
        return "LW" if part == "lw" else "L"
    if field == WEEKDAY and (match := LAST_OR_NTH.fullmatch(part)):
        day = field.number(match[1]) % 7
        return f"{day}L" if match[2] else f"{day}#{match[3]}"
    return ""


def _range(field: Field, part: str) -> str:
    """Return `*`, `*/2`, `5`, `1-5` or `1-5/2` in numbers. A number with a step begins there, and goes to the end."""
    match = PART.fullmatch(part)
    if not match or (match[1] == "*" and match[2]):
        raise ValueError(part)
    step = _step(field, match[3])
    if match[1] == "*":
        return f"*/{step}" if match[3] else "*"
    first = field.number(match[1])
    last = field.number(match[2]) if match[2] else field.end if match[3] else first
    if last < first:
        return ",".join(map(str, _over_the_end(field, first, last, step, part)))
    return str(first) if last == first else f"{first}-{last}" + (f"/{step}" if match[3] else "")


def _step(field: Field, text: str | None) -> int:
    step = int(text or 1)
    if not 1 <= step <= field.highest:
        most = f"a step of {step} cannot be kept, its fields begin anew each time: write 1 to {field.highest}"
        raise ValueError(text, f"has {field.with_article} that is not understood: {most}")
    return step


def _over_the_end(field: Field, first: int, last: int, step: int, part: str) -> Iterable[int]:
    """A week goes round: `fri-mon`, also by number. Cron has no such range of hours or months."""
    if field != WEEKDAY:
        raise ValueError(part, f"has {field.with_article} that is not understood: {part[:20]!r} ends before it begins")
    return sorted({day % 7 for day in range(first % 7, last + (0 if first == 7 else 7) + 1, step)})


def _by_name(weekdays: str) -> str:
    """Return weekdays by name, all seven as `*`: it means the same, but only where no day of month is named."""
    plain = [part for part in weekdays.split(",") if part[-1] != "L" and "#" not in part]
    days = {day for part in plain for day in _days(part)}
    names = [DAYS[day] for day in sorted(days)]
    return "*" if len(days) == 7 else ",".join([*names, *(part for part in weekdays.split(",") if part not in plain)])


def _days(part: str) -> Iterable[int]:
    span, _, step = part.partition("/")
    first, _, last = span.partition("-")
    numbers = range(7) if first == "*" else range(int(first), int(last or first) + 1)
    return (day % 7 for day in numbers[:: int(step or 1)])


def of_week(text: str) -> str:
    """Return days and a time, such as `sat,sun 22:00`, as a cron line; ValueError where it is none."""
    days_and_time = r"([a-z]{3}(?:[-, ]+[a-z]{3})*)[, ]+([01]?\d|2[0-3]):([0-5]\d)"
    match = re.fullmatch(days_and_time, text.strip().lower(), re.ASCII)
    if not match:
        raise ValueError("is not understood, write days and a time, for example sat,sun 22:00 or mon-fri 2:30")
    days = re.sub(r"[, ]+", ",", re.sub(r" *- *", "-", match[1]))
    return f"{int(match[3])} {int(match[2])} * * {days}"
