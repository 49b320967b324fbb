"""Cron lines as APScheduler's triggers, in their time zone. APScheduler's cron is imported when a line is used."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo


def cron_trigger(line: str, zone: str) -> Any:
    """Return the trigger of a checked line; `zone` is an IANA name, '' the host's own."""
    from apscheduler.triggers.cron import CronTrigger

    return CronTrigger.from_crontab(line, timezone=zone_of(zone))


def zone_of(name: str) -> tzinfo:
    if name:
        return ZoneInfo(name)
    from tzlocal import get_localzone

    return get_localzone()
