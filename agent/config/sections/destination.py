"""Destinations beside the create-event API: one class is the settings, their defaults and their documentation."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent.config.sections.values import Rate
from agent.plugin.units import Duration, Regex

MAIN = "events"
"""What the destination of `agent.events` is called."""
TERMINAL = "terminal"
"""Where notifications go as long as no destination was ever configured."""
BODY = '{"title": "{title}", "message": "{message}", "status": "{status}", "host": "{host}", "date": "{date}"}'


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any service that takes a POST."""

    type: Annotated[Literal["webhook"], Meta(description="The kind of destination.")]
    url: Annotated[
        str,
        Meta(
            description="Where to post, best as ${file:...}; the {...} of `body` may stand in it.",
            extra={"secret": True},
        ),
    ]
    body: Annotated[
        str,
        Meta(
            description="What to post, a template: {title} {message} {summary} {status} {previous} {host} {check} "
            "{type} {subject} {event_id} {incident_id} {date} {date_ms} {since} {tag.NAME} {word.NAME}; any "
            "other brace is as written."
        ),
    ] = BODY
    words: Annotated[
        dict[str, dict[str, str]],
        Meta(
            description="Words of the service by status, such as {action: {ok: resolve, other: trigger}}, which "
            "{word.action} stands for."
        ),
    ] = {}
    method: Annotated[Literal["POST", "PUT"], Meta(description="Request method.")] = "POST"
    headers: Annotated[
        dict[str, str], Meta(description="Request headers; secrets best as ${file:...}.", extra={"secret": True})
    ] = {}
    accepted: Annotated[
        Regex | None,
        Meta(
            description="Regular expression that must be found in an answer 2xx, of services that say failures by one."
        ),
    ] = None
    only: Annotated[str, Meta(description="Which checks: web-*, disks:/mnt/* or env=prod, several must all fit.")] = "*"
    rate_limit: Annotated[Rate, Meta(description="Most requests to send.")] = Rate(60)
    digest_above: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(description="More changes at once are told as digests; null: never."),
    ] = None
    timeout: Annotated[Duration, Meta(description="Longest wait for one request, 1s to 10m.")] = Duration(15)
    proxy: Annotated[str, Meta(description="Address of an HTTP proxy, whatever the environment says.")] = ""
    ca_file: Annotated[
        str, Meta(description="PEM file of the CAs to trust instead of the host's and the usual ones (Mozilla's).")
    ] = ""
