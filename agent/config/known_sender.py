"""Pure: the name and tags that a host is known by, kept over restarts for when its settings cannot be read."""

from __future__ import annotations

import msgspec

from agent.config.settings import AgentSettings

SENDER = "sender"
"""What the store calls it."""


class Known(msgspec.Struct, frozen=True):
    """What the settings said when they could be read."""

    hostname: str
    tags: dict[str, str]


def as_text(agent: AgentSettings) -> str:
    return msgspec.json.encode(Known(agent.hostname, agent.tags)).decode()


def with_known(agent: AgentSettings, text: str) -> AgentSettings:
    """Return the settings with the name and tags that were known; as they are where nothing was kept."""
    if not text:
        return agent
    known = msgspec.json.decode(text, type=Known)
    return msgspec.structs.replace(agent, hostname=known.hostname, tags=known.tags)
