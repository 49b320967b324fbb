"""Where a setting belongs that was written somewhere else."""

from __future__ import annotations

from functools import cache

from agent.config.sections.agent import AgentSection, AgentWindow, EventsSettings, HistorySection, fields
from agent.config.sections.check import CheckSection
from agent.config.sections.destination import WebhookSettings

_HOMES = (
    (CheckSection, "is a setting of a check"),
    (AgentSection, "stands under `agent:`"),
    (EventsSettings, "stands under `events:` in `agent:`"),
    (AgentWindow, "stands under `maintenance:`"),
    (HistorySection, "stands under `history:` in `agent:`"),
    (WebhookSettings, "stands in a destination, under `destinations:` in `agent:`"),
)


@cache
def _home_by_name() -> dict[str, str]:
    return {name: home for section, home in reversed(_HOMES) for name in fields(section)}


def home_of(name: str) -> str:
    """Return where a setting of this very name belongs; '' where there is none."""
    return _home_by_name().get(name, "")
