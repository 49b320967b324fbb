"""Pure: what is kept over restarts for when the agent's settings cannot be read: its name and tags, and its bounds.

With the usual bounds in place of larger ones, what was to be kept would be thrown away.
"""

from __future__ import annotations

import msgspec

from agent.config.sections import HistorySection
from agent.config.settings import AgentSettings
from agent.plugin.units import Duration, Size

SENDER = "sender"
"""What the store calls it."""


class Known(msgspec.Struct, frozen=True):
    """What the settings said when they could be read."""

    hostname: str
    tags: dict[str, str]
    most_events: int = 0
    most_bytes: int = 0
    history: bool | tuple[float, float, int] = True
    """Seconds by the minute, seconds by the hour, bytes."""


def as_text(agent: AgentSettings) -> str:
    kept = agent.history
    past = kept if isinstance(kept, bool) else (float(kept.fine), float(kept.hourly), int(kept.most_bytes))
    events = agent.events
    return msgspec.json.encode(
        Known(agent.hostname, agent.tags, events.most_events, int(events.most_bytes), past)
    ).decode()


def with_known(agent: AgentSettings, text: str) -> AgentSettings:
    """Return the settings with what was known of them; as they are where nothing was kept, or it is damaged."""
    try:
        known = msgspec.json.decode(text, type=Known)
    except (msgspec.MsgspecError, UnicodeError):
        return agent
    events = agent.events
    if known.most_events:
        size = max(int(events.most_bytes), known.most_bytes)
        most = max(events.most_events, known.most_events)
        events = msgspec.structs.replace(events, most_events=most, most_bytes=Size(size))
    return msgspec.structs.replace(
        agent, hostname=known.hostname, tags=known.tags, events=events, history=_history(known.history)
    )


def _history(kept: bool | tuple[float, float, int]) -> bool | HistorySection:
    if isinstance(kept, bool):
        return kept
    return HistorySection(fine=Duration(kept[0]), hourly=Duration(kept[1]), most_bytes=Size(kept[2]))
