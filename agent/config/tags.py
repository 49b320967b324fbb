"""The API's rules for `customTags` (see the vendor's rules for user fields), and the tags of an event."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.plugin.text import cut_bytes, one_line

NAME = re.compile(r"[a-z][a-z0-9_]{0,255}")
VALUE_BYTES = 1024
LIMIT = 256

RESERVED = frozenset(
    {
        "date",
        "status",
        "source",
        "title",
        "message",
        "dimension_tags",
        "check_value",
        "time",
        "time_us",
        "timestamp",
        "workspace_uuid",
        "workspace_name",
        "extra_data",
        "create_time",
    }
)
OURS = frozenset(
    {
        "host",
        "host_ip",
        "os",
        "os_version",
        "arch",
        "check_name",
        "check_type",
        "subject",
        "previous_status",
        "incident_id",
        "event_id",
        "agent_version",
        "digest",
    }
)
"""Set by the agent on every event, so no user's tag may be called so."""


def name_problem(name: str) -> str:
    """Say why a user's tag cannot be called so; empty when it can."""
    if name in OURS:
        return f"{name!r} is set by hostvigil itself, choose another name"
    if name in RESERVED or name.startswith("df_"):
        return f"{name!r} is a name of the platform's own, choose another"
    if not NAME.fullmatch(name):
        return f"{name!r} does not begin with a-z, or has other characters than a-z, 0-9 and _, or is too long"
    return ""


def custom_tags(own: Mapping[str, str], users: Mapping[str, str]) -> dict[str, str]:
    """Return what the API accepts of both; `own` comes first and is never pushed out.

    A relay has `own` from another host, which may say anything.
    """
    agents = {name: value for name, value in own.items() if name in OURS or not name_problem(name)}
    allowed = {name: value for name, value in users.items() if not name_problem(name)}
    cleaned = {name: tag_value(value) for name, value in {**agents, **allowed}.items()}
    return dict([(name, value) for name, value in cleaned.items() if value][:LIMIT])


def tag_value(text: str) -> str:
    return cut_bytes(one_line(text, VALUE_BYTES), VALUE_BYTES).rstrip()
