"""The host's own time zone as the C library has it: TZ in each of its forms, or /etc/localtime.

A zone that was changed is seen after `time.tzset()`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


class HostZone(tzinfo):
    """`fold` means what it means everywhere (PEP 495), for Python itself asks the C library with it."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        if at is None:
            return None
        wall = at.replace(tzinfo=None, microsecond=0)
        return wall - datetime.fromtimestamp(wall.timestamp(), UTC).replace(tzinfo=None)

    def fromutc(self, at: datetime) -> datetime:
        seconds = at.replace(tzinfo=UTC, microsecond=0).timestamp()
        return datetime.fromtimestamp(seconds).replace(tzinfo=self, microsecond=at.microsecond)  # noqa: DTZ006 - the wall

    def dst(self, at: datetime | None) -> timedelta | None:
        return None

    def tzname(self, at: datetime | None) -> str:
        return "the host's own"


HOST_ZONE = HostZone()
