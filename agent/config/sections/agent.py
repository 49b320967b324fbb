"""What a drop-in file may say: its sections and the settings of every check, as they are written.

The one source of these settings' names, types, defaults and documentation: what reads them, the schema and the
documentation take all of it from here. A description does not repeat the default: the table shows it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.config.sections.destination import WebhookSettings
from agent.config.sections.values import Rate
from agent.plugin.units import Duration, Size

SECTIONS = {
    "agent": "Settings of the agent; merged over all files, later files win key by key, maintenance windows add up.",
    "defaults": "Settings for the checks of this file only; a check's own setting wins, tags are merged.",
    "checks": "name: settings. A name exists once in the whole directory.",
}

SECRET = {"secret": True}
"""`Meta(extra=SECRET)` marks a setting that is a secret by its nature: its value shows nowhere, however written."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that stand together under one key."""


class EventsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How events reach the API. Without an endpoint they go to the local store and the terminal."""

    endpoint: Annotated[
        str,
        Meta(
            description="The API's address, such as https://us1-openapi.truewatch.com; unless set, events are printed."
        ),
    ] = ""
    api_key: Annotated[
        str,
        Meta(description="The key id (not the secret), best written ${file:/etc/hostvigil/api_key}.", extra=SECRET),
    ] = ""
    broker: Annotated[
        str,
        Meta(
            description="Instead of an endpoint: the NATS servers that a relay takes events from, nats://HOST:4222, "
            "several with commas."
        ),
    ] = ""
    credentials: Annotated[
        str, Meta(description="File with this host's nkey seed for the broker, as `hostvigil relay enrol` writes it.")
    ] = ""
    republish_after: Annotated[
        Duration, Meta(description="Longest wait for the relay's receipt before the broker gets it again, 10s to 1d.")
    ] = Duration(120)
    rate_limit: Annotated[Rate, Meta(description="Most requests to send; a fleet shares its key's 20 a minute.")] = (
        Rate(20)
    )
    timeout: Annotated[Duration, Meta(description="Longest wait for one request, 1s to 10m.")] = Duration(15)
    proxy: Annotated[
        str,
        Meta(
            description="Address of an HTTP proxy; unless set there is none, whatever the environment says.",
            extra=SECRET,
        ),
    ] = ""
    ca_file: Annotated[
        str, Meta(description="PEM file of the CAs to trust instead of the host's and the usual ones (Mozilla's).")
    ] = ""
    client_cert: Annotated[str, Meta(description="File with the client's certificate, PEM.")] = ""
    client_key: Annotated[
        str, Meta(description="File with the client certificate's key, PEM; unless set it is in client_cert.")
    ] = ""
    digest_above: Annotated[
        int, Meta(ge=1, le=100_000, description="More changes than these at once are told as digests.")
    ] = 10
    most_events: Annotated[
        int, Meta(ge=100, le=10_000_000, description="Most events to keep while the API takes none.")
    ] = 100_000
    most_bytes: Annotated[Size, Meta(description="Most disk space to keep them in, 16MiB to 1TiB.")] = Size(
        256 * 1024**2
    )
    heartbeat: Annotated[
        Duration | None,
        Meta(
            description="Time between signs of life, 10s to 1d. To the API they are events, none unless set; to a "
            "broker they cost little, one a minute unless set."
        ),
    ] = None
    start_stop: Annotated[bool, Meta(description="true tells when the agent starts and stops.")] = False

    @property
    def sign_of_life(self) -> float:
        """Return the seconds between signs of life; 0: there are none."""
        return float(self.heartbeat or (60.0 if self.broker else 0.0))


class Window(Section, frozen=True):
    """A maintenance window of a check."""

    duration: Annotated[Duration, Meta(description="How long it is open, 1m to 31d.", examples=["2h"])]
    cron: Annotated[
        str, Meta(description="When it begins: minute, hour, day of month, month, weekday. Either this or `weekly`.")
    ] = ""
    weekly: Annotated[str, Meta(description="When it begins: days and time, such as 'sat,sun 22:00'.")] = ""
    timezone: Annotated[
        str, Meta(description="Time zone of its beginning, such as Europe/Berlin; unless set, the host's own.")
    ] = ""
    reason: Annotated[str, Meta(description="Why, on one line, for whoever asks.")] = ""


class AgentWindow(Window, frozen=True):
    """A maintenance window of many checks."""

    select: Annotated[str, Meta(description="Which checks: web-*, disks:/mnt/* or env=prod, several must all fit.")] = (
        "*"
    )


class HistorySection(Section, frozen=True):
    """How much of the past is kept."""

    fine: Annotated[Duration, Meta(description="How long each metric is kept by the minute, 1d to 365d.")] = Duration(
        8 * 86400
    )
    hourly: Annotated[
        Duration, Meta(description="How long its low, high and mean of each hour, and all changes, 1d to 3650d.")
    ] = Duration(365 * 86400)
    most_bytes: Annotated[
        Size, Meta(description="Most disk space for it, 1MiB to 1TiB; what is oldest goes first.")
    ] = Size(256 * 1024**2)


class AgentOptions(Section, frozen=True):
    """Settings of the agent itself that are used as they are written."""

    hostname: Annotated[str, Meta(description="What this host is called on its events; unless set, its own name.")] = ""
    tags: Annotated[dict[str, str], Meta(description="Tags on every event, such as {env: prod}.")] = {}
    cloud_tags: Annotated[
        Literal["none", "auto", "aws", "gcp", "azure", "alibaba", "tencent", "huawei"],
        Meta(
            description="Whose metadata service tells region, zone, instance and its type for every event; "
            "auto: the one that the hardware names."
        ),
    ] = "none"
    events: EventsSettings = EventsSettings()
    destinations: Annotated[
        dict[str, WebhookSettings],
        Meta(description="More destinations by name, such as {ops: {type: webhook, url: ...}}."),
    ] = {}
    scripts: Annotated[
        str,
        Meta(
            description="Folder whose executable files are checks of type script, settings in a comment "
            "`# hostvigil: interval=5m` or by a subfolder `300`."
        ),
    ] = ""
    checks_d: Annotated[
        str, Meta(description="Folder of your own check types; unless set, checks.d beside the directory of drop-ins.")
    ] = ""
    replace_types: Annotated[
        tuple[str, ...], Meta(description="Built-in types that your own of the same name replace, such as [file].")
    ] = ()
    history: Annotated[
        bool | HistorySection,
        Meta(description="How much of the past is kept of changes and metrics; false: nothing."),
    ] = HistorySection()
    heartbeat_url: Annotated[
        str,
        Meta(
            description="Address to GET after each healthy minute, for a dead man's switch such as healthchecks.io; by "
            "the proxy and ca_file of `events`.",
            extra=SECRET,
        ),
    ] = ""
    page: Annotated[
        str,
        Meta(
            description="Where to show status and health over HTTP to this host's users: 127.0.0.1:8741, or "
            "unix:/run/hostvigil/page.sock; unless set, nowhere.",
            examples=["127.0.0.1:8741"],
        ),
    ] = ""
    page_token: Annotated[
        str,
        Meta(
            description="File with a token, readable by the agent's user alone (0600), by which people may silence, "
            "acknowledge and run checks from the page; unless set, the page only shows."
        ),
    ] = ""
    watch: Annotated[bool, Meta(description="true takes changed files over by itself, false on reload.")] = False


class AgentSection(AgentOptions, frozen=True):
    """Settings of the agent itself."""

    maintenance: Annotated[
        AgentWindow | tuple[AgentWindow, ...] | None,
        Meta(description="One window or a list of them in which nothing is reported."),
    ] = None


@lru_cache(100)  # bounded: own types change while the agent runs
def fields(section: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Return a section's settings by their name in YAML."""
    return {field.encode_name: field for field in msgspec.structs.fields(section)}


def usual(section: type[msgspec.Struct], name: str) -> Any:
    """Return the default of a section's setting, where a value that is made of it needs one of its own."""
    return fields(section)[name].default
