"""Pure: what is kept over restarts for when the agent's settings cannot be read: its name and tags, and its bounds.

With the usual bounds in place of larger ones, what was to be kept would be thrown away.
"""

from __future__ import annotations

import msgspec

from agent.config.sections.agent import HistorySection
from agent.config.settings import AgentSettings
from agent.plugin.units import Duration, Size

SENDER = "sender"
"""What the store calls it."""


class KnownSender(msgspec.Struct, frozen=True):
    """What the settings said when they could be read."""

    hostname: str
    tags: dict[str, str]
    most_events: int = 0
    most_bytes: int = 0
    history: bool | tuple[float, float, int] = True
    """Seconds by the minute, seconds by the hour, bytes."""


def as_text(agent: AgentSettings) -> str:
    """Return what is kept of the settings, as JSON."""
    history = agent.history
    past = (
        history if isinstance(history, bool) else (float(history.fine), float(history.hourly), int(history.most_bytes))
    )
    events = agent.events
    return msgspec.json.encode(
        KnownSender(agent.hostname, agent.tags, events.most_events, int(events.most_bytes), past)
    ).decode()


def with_known(agent: AgentSettings, text: str) -> AgentSettings:
    """Return the settings with what was known of them; as they are where nothing was kept, or it is damaged."""
    try:
        sender = msgspec.json.decode(text, type=KnownSender)
    except (msgspec.MsgspecError, UnicodeError):
        return agent
    events = agent.events
    if sender.most_events:
        size = max(int(events.most_bytes), sender.most_bytes)
        most = max(events.most_events, sender.most_events)
        events = msgspec.structs.replace(events, most_events=most, most_bytes=Size(size))
    return msgspec.structs.replace(
        agent, hostname=sender.hostname, tags=sender.tags, events=events, history=_history(sender.history)
    )


def _history(bounds: bool | tuple[float, float, int]) -> bool | HistorySection:
    if isinstance(bounds, bool):
        return bounds
    return HistorySection(fine=Duration(bounds[0]), hourly=Duration(bounds[1]), most_bytes=Size(bounds[2]))
