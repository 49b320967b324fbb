"""Cron lines as everybody writes them, made into what APScheduler means by the same text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@lru_cache
def normal(cron: str, zone: str = "") -> str:
    """Return the line with its weekdays by name; ValueError where it is none, or never comes.

    APScheduler 3 counts weekdays from Monday as 0, cron from Sunday (its issue 286), and it joins day of month and
    weekday by "and" where cron joins them by "or": such a line is refused.
    """
    from apscheduler.triggers.cron import CronTrigger

    fields = cron.lower().split()
    if len(fields) != 5:
        example = "write minute, hour, day of month, month and weekday, for example 30 3 * * 1-5"
        raise ValueError(f"has {len(fields)} {'field' if len(fields) == 1 else 'fields'}, not 5: {example}")
    fields[4] = _weekdays(fields[4])
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError("names a day of month and a weekday, which cron reads as either: write two checks")
    line = " ".join(fields)
    now = datetime.now(ZoneInfo(zone) if zone else UTC)
    try:
        # 29 February is at most eight years away; to the year 9999 the search for 30 February takes 0.2 s.
        soon = dict(zip(("minute", "hour", "day", "month", "day_of_week"), fields, strict=True))
        trigger = CronTrigger(year=f"{now.year}-{now.year + 8}", timezone=now.tzinfo, **soon)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"is not understood: {error}") from None
    if trigger.get_next_fire_time(None, now) is None:
        raise ValueError("never comes: no month has such a day")
    return line


def of_week(text: str) -> str:
    """Return days and a time, such as `sat,sun 22:00`, as a cron line; ValueError where it is none."""
    days_and_time = r"([a-z]{3}(?:[-, ]+[a-z]{3})*)[, ]+([01]?\d|2[0-3]):([0-5]\d)"
    match = re.fullmatch(days_and_time, text.strip().lower(), re.ASCII)
    if not match:
        raise ValueError("is not understood, write days and a time, for example sat,sun 22:00 or mon-fri 2:30")
    days = re.sub(r"[, ]+", ",", re.sub(r" *- *", "-", match[1]))
    return f"{int(match[3])} {int(match[2])} * * {days}"


@lru_cache
def zone_fault(name: str) -> str:
    """Say what is wrong with a time zone's name; nothing is ''."""
    from difflib import get_close_matches

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = available_timezones()
        if not known:
            return "cannot be looked up: this host has no time zone database, install the package tzdata"
        close = get_close_matches(name, known, 1)
        return "is not a known time zone, " + (
            f"did you mean '{close[0]}'?" if close else "write for example Europe/Berlin"
        )
    return ""


def _weekdays(field: str) -> str:
    """Turn `1-5`, `*/2`, `0,6` or `fri-mon` into a list of names."""
    if field in ("*", "?"):
        return "*"
    days = {day for part in field.split(",") for day in _part(part)}
    return "*" if len(days) == 7 else ",".join(DAYS[day] for day in sorted(days))


def _part(part: str) -> list[int]:
    match = re.fullmatch(r"(\*|[0-7]|[a-z]{3})(?:-([0-7]|[a-z]{3}))?(?:/([1-7]))?", part, re.ASCII)
    if not match:
        raise ValueError(f"has a weekday that is not understood: {part[:20]!r}, write 0-7, or sun to sat")
    step = int(match[3] or 1)
    if match[1] == "*":
        return list(range(0, 7, step))
    first = _day(match[1])
    last = _day(match[2]) if match[2] else 6 if match[3] else first
    if last < first or (match[2] == "7" and last == first == 0):
        last += 7
    return [day % 7 for day in range(first, last + 1, step)]


def _day(text: str) -> int:
    if text.isdigit():
        return int(text) % 7
    if text not in DAYS:
        raise ValueError(f"has a weekday that is not understood: {text!r}, write 0-7, or sun to sat")
    return DAYS.index(text)
