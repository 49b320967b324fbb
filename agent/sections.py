"""What a drop-in file may say: its sections and the settings of every check, as they are written.

The one source of these settings' names, types, defaults and documentation: `config` reads by it, `schema` and the
documentation are made from it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from agent.units import Duration, SettingValue

SECTIONS = {
    "agent": "Settings of the agent; merged over all files, later files win key by key.",
    "defaults": "Settings for the checks of this file only; a check's own setting wins, tags are merged.",
    "checks": "name: settings. A name exists once in the whole directory.",
}

_PER_MINUTE = {"s": 60.0, "min": 1.0, "h": 1 / 60}


class Rate(float, SettingValue):
    """A number of requests, kept as requests a minute; written `20/min`, `5/s` or `100/h`."""

    pattern = r"^\s*[0-9]{1,6}(\.[0-9]{1,6})?\s?/\s?(s|min|h)\s*$"
    example = "20/min"
    words = "a rate"

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or not re.match(cls.pattern, value):
            raise ValueError(f"{value!r} is not understood, write for example {cls.example}")
        number, _, unit = value.partition("/")
        if not float(number):
            raise ValueError(f"{value!r} would never send, write for example {cls.example}")
        return cls(float(number) * _PER_MINUTE[unit.strip()])

    def __str__(self) -> str:
        return f"{float(self):g}/min"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that stand together under one key."""


class EventsSection(Section, frozen=True):
    """How events reach the API."""

    endpoint: Annotated[
        str,
        Meta(description="The API's address, such as https://us1-openapi.truewatch.com; default: none, print events."),
    ] = ""
    api_key: Annotated[
        str, Meta(description="The key id (not the secret), best written ${file:/etc/hostvigil/api_key}.")
    ] = ""
    rate_limit: Annotated[
        Rate, Meta(description="Most requests to send; a fleet shares its key's 20 a minute; default 20/min.")
    ] = Rate(20)
    timeout: Annotated[Duration, Meta(description="Longest wait for one request, 1s to 10m; default 15s.")] = Duration(
        15
    )
    proxy: Annotated[
        str, Meta(description="Address of an HTTP proxy; default: none, whatever the environment says.")
    ] = ""
    ca_file: Annotated[
        str, Meta(description="File with the certificates to trust, PEM; default: the built-in ones.")
    ] = ""
    client_cert: Annotated[str, Meta(description="File with the client's certificate, PEM; default: none.")] = ""
    client_key: Annotated[
        str, Meta(description="File with the client certificate's key, PEM; default: in client_cert.")
    ] = ""


class AgentSection(Section, frozen=True):
    """Settings of the agent itself."""

    hostname: Annotated[str, Meta(description="What this host is called on every event; default: its own name.")] = ""
    tags: Annotated[dict[str, str], Meta(description="Tags on every event, such as {env: prod}; default: none.")] = {}
    events: EventsSection = EventsSection()


class Counts(Section, frozen=True):
    """How many consecutive bad results, by status."""

    warning: Annotated[int, Meta(ge=1, le=1000, description="Consecutive warning or critical results.")] | None = None
    critical: Annotated[int, Meta(ge=1, le=1000, description="Consecutive critical results.")] | None = None
    nodata: Annotated[int, Meta(ge=1, le=1000, description="Consecutive nodata results.")] | None = None


class CheckSection(Section, frozen=True):
    """Settings every check has."""

    type: Annotated[str, Meta(description="The kind of check.")]
    interval: Annotated[
        Duration, Meta(description="Time from run to run, 1s to 365d; default 60s. Either this or `cron`.")
    ] = Duration(60)
    cron: Annotated[
        str, Meta(description="When to run: minute, hour, day of month, month, weekday; default: by `interval`.")
    ] = ""
    timezone: Annotated[
        str, Meta(description="Time zone of `cron`, such as Europe/Berlin; default: the host's own.")
    ] = ""
    timeout: Annotated[
        Duration, Meta(description="Longest run, below the interval; default 10s, or 80% of an interval up to 10s.")
    ] = Duration(10)
    fail_after: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | Counts,
        Meta(description="Consecutive bad results before they count: 3, or {critical: 1}; default: the type's."),
    ] = 1
    recover_after: Annotated[
        int, Meta(ge=1, le=1000, description="Consecutive ok results before a problem is over; default 1.")
    ] = 1
    retry_interval: Annotated[
        Duration,
        Meta(description="Time to the next run while a bad or good result is not decided yet; default: the interval."),
    ] = Duration(0)
    tags: Annotated[
        dict[str, str], Meta(description="Tags on this check's events, such as {service: shop}; default: none.")
    ] = {}
    enabled: Annotated[bool, Meta(description="false keeps the check here and does not run it; default true.")] = True
    description: Annotated[str, Meta(description="What the check means, for the event's message; default: none.")] = ""
    runbook: Annotated[
        str, Meta(description="What to do, text or address, for the event's message; default: none.")
    ] = ""


COMMON: dict[str, Any] = {field.name: field for field in msgspec.structs.fields(CheckSection)}
"""The settings every check has, by name: msgspec's FieldInfo."""
