"""`maintenance`, of a check and of the agent: windows, each with its beginning as one cron line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agent.config.convert import Fault
from agent.config.cron import normal, of_week, zone_fault
from agent.config.located_yaml.tree import Located
from agent.config.sections import AgentWindow, Window
from agent.config.selector import problem
from agent.config.settings import Maintenance
from agent.config.spans import span
from agent.config.wording import safe, said

SHORTEST, LONGEST = 60.0, 31 * 86400.0
"""Seconds."""


def windows(found: Window | Iterable[Window] | None) -> tuple[Maintenance, ...]:
    """Return the windows of checked settings."""
    return tuple(_window(one) for one in _each(found))


def _each(found: Window | Iterable[Window] | None) -> tuple[Window, ...]:
    return (found,) if isinstance(found, Window) else tuple(found or ())


def _window(found: Window) -> Maintenance:
    return Maintenance(
        cron=_line(found),
        duration=float(found.duration),
        timezone=found.timezone,
        select=found.select if isinstance(found, AgentWindow) else "*",
        reason=found.reason,
    )


def _line(found: Window) -> str:
    return normal(of_week(found.weekly) if found.weekly else found.cron, found.timezone)


def faults(node: Located, found: Any, setting: str = "maintenance") -> Iterator[Fault]:
    """Check windows that were understood, each by itself."""
    if isinstance(node.value, list):
        for at, (one, window) in enumerate(zip(node.value, _each(found), strict=True)):
            yield from _faults(one, window, f"{setting}.{at}")
    else:
        for window in _each(found):
            yield from _faults(node, window, setting)


def _faults(node: Located, found: Window, setting: str) -> Iterator[Fault]:
    written = node.value
    yield from span(written["duration"], found.duration, f"{setting}.duration", SHORTEST, LONGEST)
    for name, text in _wrong(found, written):
        yield Fault(written[name].place, f"{setting}.{name}", f"{said(written[name])} {safe(text, written[name])}")
    if bool(found.cron) == bool(found.weekly):
        text = "needs one of `cron: 0 2 * * sun` and `weekly: sun 2:00`, which say when it begins"
        yield Fault(node.place, setting, text)


def _wrong(found: Window, written: dict[str, Located]) -> Iterator[tuple[str, str]]:
    """Yield the name of a setting, and what is wrong with it."""
    if "timezone" in written and (text := zone_fault(found.timezone)):
        yield "timezone", text
    elif found.cron or found.weekly:
        try:
            _line(found)
        except ValueError as error:
            yield "weekly" if found.weekly else "cron", str(error)
    if isinstance(found, AgentWindow) and "select" in written and (text := problem(found.select)):
        yield "select", f"does not select: {text}"
    if not found.reason.isprintable():
        yield "reason", "must be one line without control characters"
