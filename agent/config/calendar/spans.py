"""Time spans between their bounds."""

from __future__ import annotations

from collections.abc import Iterator

from agent.config.fault import Fault
from agent.config.located_yaml.tree import Node
from agent.config.words.quoting import quote
from agent.plugin.units import duration_text

SHORTEST, LONGEST = 1.0, 365 * 86400.0
"""Seconds: no interval is shorter or longer."""


def span(node: Node, seconds: float | None, setting: str, shortest: float, longest: float) -> Iterator[Fault]:
    """Check a time span that was understood; bounds in seconds."""
    if seconds is not None and not shortest <= seconds <= longest:
        text = f"{quote(node)} must be between {duration_text(shortest)} and {duration_text(longest)}"
        yield Fault(node.place, setting, text)
