"""`maintenance`, of a check and of the agent: windows, each with its beginning as one cron line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agent.config.calendar.cron import normal, of_week
from agent.config.calendar.spans import span
from agent.config.calendar.zones import zone_fault
from agent.config.fault import Fault
from agent.config.located_yaml.tree import Node
from agent.config.sections.agent import AgentWindow, Window
from agent.config.selector import problem_in_file
from agent.config.settings import Maintenance
from agent.config.words.quoting import quote, safe

SHORTEST, LONGEST = 60.0, 31 * 86400.0
"""Seconds."""


def windows(settings: Window | Iterable[Window] | None) -> tuple[Maintenance, ...]:
    """Return the windows of checked settings."""
    return tuple(_window(one) for one in _each(settings))


def _each(settings: Window | Iterable[Window] | None) -> tuple[Window, ...]:
    return (settings,) if isinstance(settings, Window) else tuple(settings or ())


def _window(window: Window) -> Maintenance:
    return Maintenance(
        cron=_line(window),
        duration=float(window.duration),
        timezone=window.timezone,
        select=window.select if isinstance(window, AgentWindow) else "*",
        reason=window.reason,
    )


def _line(window: Window) -> str:
    return normal(of_week(window.weekly) if window.weekly else window.cron, window.timezone)


def faults(node: Node, settings: Any, setting: str = "maintenance") -> Iterator[Fault]:
    """Check windows that were understood, each by itself."""
    if isinstance(node.value, list):
        for at, (one, window) in enumerate(zip(node.value, _each(settings), strict=True)):
            yield from _faults(one, window, f"{setting}.{at}")
    else:
        for window in _each(settings):
            yield from _faults(node, window, setting)


def _faults(node: Node, window: Window, setting: str) -> Iterator[Fault]:
    nodes = node.value
    yield from span(nodes["duration"], window.duration, f"{setting}.duration", SHORTEST, LONGEST)
    for name, text in _wrong(window, nodes):
        yield Fault(nodes[name].place, f"{setting}.{name}", f"{quote(nodes[name])} {safe(text, nodes[name])}")
    if bool(window.cron) == bool(window.weekly):
        text = "needs one of `cron: 0 2 * * sun` and `weekly: sun 2:00`, which say when it begins"
        yield Fault(node.place, setting, text)


def _wrong(window: Window, nodes: dict[str, Node]) -> Iterator[tuple[str, str]]:
    """Yield the name of a setting, and what is wrong with it."""
    if "timezone" in nodes and (text := zone_fault(window.timezone)):
        yield "timezone", text
    elif window.cron or window.weekly:
        try:
            _line(window)
        except ValueError as error:
            yield "weekly" if window.weekly else "cron", str(error)
    if isinstance(window, AgentWindow) and "select" in nodes and (text := problem_in_file(window.select)):
        yield "select", f"does not select: {text}"
    if not window.reason.isprintable():
        yield "reason", "must be one line without control characters"
