"""What a drop-in file may say: its sections and the settings of every check, as they are written.

The one source of these settings' names, types, defaults and documentation: `config` reads by it, `schema` and the
documentation are made from it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.config.values import FailCount, Rate
from agent.plugin.units import Duration, Percent, Size

SECTIONS = {
    "agent": "Settings of the agent; merged over all files, later files win key by key, maintenance windows add up.",
    "defaults": "Settings for the checks of this file only; a check's own setting wins, tags are merged.",
    "checks": "name: settings. A name exists once in the whole directory.",
}


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
    digest_above: Annotated[
        int, Meta(ge=1, le=100_000, description="More changes than these at once are told as digests; default 10.")
    ] = 10
    most_events: Annotated[
        int, Meta(ge=100, le=10_000_000, description="Most events to keep while the API takes none; default 100000.")
    ] = 100_000
    most_bytes: Annotated[Size, Meta(description="Most disk space to keep them in, 16MiB to 1TiB; default 256MiB.")] = (
        Size(256 * 1024**2)
    )
    heartbeat: Annotated[
        Duration | None,
        Meta(description="Time between events that say the agent lives, 10s to 1d; default null: none."),
    ] = None
    start_stop: Annotated[bool, Meta(description="true tells when the agent starts and stops; default false.")] = False


class Window(Section, frozen=True):
    """A maintenance window of a check."""

    duration: Annotated[Duration, Meta(description="How long it is open, 1m to 31d.")]
    cron: Annotated[
        str, Meta(description="When it begins: minute, hour, day of month, month, weekday. Either this or `weekly`.")
    ] = ""
    weekly: Annotated[str, Meta(description="When it begins: days and time, such as 'sat,sun 22:00'.")] = ""
    timezone: Annotated[
        str, Meta(description="Time zone of its beginning, such as Europe/Berlin; default: the host's own.")
    ] = ""
    reason: Annotated[str, Meta(description="Why, on one line, for whoever asks; default: none.")] = ""


class AgentWindow(Window, frozen=True):
    """A maintenance window of many checks."""

    select: Annotated[
        str, Meta(description="Which checks: web-*, disks:/mnt/* or env=prod, several must all fit; default *, all.")
    ] = "*"


class AgentSection(Section, frozen=True):
    """Settings of the agent itself."""

    hostname: Annotated[str, Meta(description="What this host is called on every event; default: its own name.")] = ""
    tags: Annotated[dict[str, str], Meta(description="Tags on every event, such as {env: prod}; default: none.")] = {}
    events: EventsSection = EventsSection()
    maintenance: Annotated[
        AgentWindow | tuple[AgentWindow, ...] | None,
        Meta(description="One window or a list of them in which nothing is reported; default: none."),
    ] = None
    scripts: Annotated[
        str,
        Meta(
            description="Folder whose executable files are checks of type script, settings in a comment "
            "`# hostvigil: interval=5m` or by a subfolder `300`; default: none."
        ),
    ] = ""
    checks_d: Annotated[
        str, Meta(description="Folder of your own check types; default: checks.d beside the directory of drop-ins.")
    ] = ""
    watch: Annotated[bool, Meta(description="true takes changed files over by itself; default false: on reload.")] = (
        False
    )


class Counts(Section, frozen=True):
    """How much it takes before a status is believed, by status; the type's own where nothing is said."""

    warning: Annotated[FailCount | None, Meta(description="Warnings and criticals before a warning counts.")] = None
    critical: Annotated[FailCount | None, Meta(description="Warnings and criticals before a critical counts.")] = None
    nodata: Annotated[FailCount | None, Meta(description="Nodata results before nodata counts.")] = None


class FlappingSection(Section, frozen=True):
    """When a subject counts as flapping."""

    formula: Annotated[
        Literal["icinga", "nagios"], Meta(description="How the last 20 results are weighted; default icinga.")
    ] = "icinga"
    low: Annotated[Percent | None, Meta(description="Ends at or below it; default 25%, of nagios 5%.")] = None
    high: Annotated[Percent | None, Meta(description="Begins above it; default 30%, of nagios 20%.")] = None


class Parents(Section, frozen=True):
    """Several parents, and how many of them must be down."""

    any: Annotated[str | tuple[str, ...], Meta(description="One parent that is down is enough.")] = ()
    all: Annotated[str | tuple[str, ...], Meta(description="All of these parents must be down.")] = ()


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
        FailCount | Counts,
        Meta(
            description="What it takes until a bad status counts: 3 in a row, 3 of 5, for 5m, or {critical: 1}; "
            "default: the type's."
        ),
    ] = FailCount(1)
    lasting: Annotated[
        Duration | None,
        Meta(description="A bad status must also have lasted so long, up to 365d, as in `for: 5m`; default null: no."),
    ] = msgspec.field(name="for", default=None)
    recover_after: Annotated[
        int, Meta(ge=1, le=1000, description="Consecutive ok results before a problem is over; default 1.")
    ] = 1
    retry_interval: Annotated[
        Duration,
        Meta(description="Time to the next run while a bad or good result is not decided yet; default: the interval."),
    ] = Duration(0)
    flapping: Annotated[
        bool | Literal["icinga", "nagios"] | FlappingSection,
        Meta(description="false tells each of many changes; a formula, or {low: 25%, high: 30%}; default icinga."),
    ] = "icinga"
    repeat_every: Annotated[
        Duration | None,
        Meta(description="Tell a problem again that lasts: after 1m to 365d, doubling up to 1d; default null: never."),
    ] = None
    depends_on: Annotated[
        str | tuple[str, ...] | Parents | None,
        Meta(description="Checks whose critical or nodata suppresses this one's events: a name, names, {all: names}."),
    ] = None
    maintenance: Annotated[
        Window | tuple[Window, ...] | None,
        Meta(description="One window or a list of them in which nothing of this check is reported; default: none."),
    ] = None
    tags: Annotated[
        dict[str, str], Meta(description="Tags on this check's events, such as {service: shop}; default: none.")
    ] = {}
    enabled: Annotated[bool, Meta(description="false keeps the check here and does not run it; default true.")] = True
    description: Annotated[str, Meta(description="What the check means, for the event's message; default: none.")] = ""
    runbook: Annotated[
        str, Meta(description="What to do, text or address, for the event's message; default: none.")
    ] = ""


COMMON: dict[str, Any] = {field.encode_name: field for field in msgspec.structs.fields(CheckSection)}
"""The settings every check has, by name: msgspec's FieldInfo."""
