"""Settings that are right and hardly meant: a destination that is told of no check, a window of none or without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from agent.config.calendar.turns import never_ends
from agent.config.rules import OWN_NAME
from agent.config.settings import Config
from agent.config.words.names import nearest

Tags = Mapping[str, Mapping[str, str]]


def idle_selectors(config: Config) -> Iterator[str]:
    """Say which selectors of the agent's settings fit no check; nothing where more checks may be than can be read."""
    if not config.checks or config.problems:
        return
    tags = {name: {**config.agent.tags, **check.tags} for name, check in config.checks.items()}
    tags[OWN_NAME] = config.agent.tags
    selectors = [(f"agent.destinations.{name}.only", one.only) for name, one in config.agent.destinations.items()]
    selectors += [("agent.maintenance: select", window.select) for window in config.agent.maintenance]
    for setting, selector in selectors:
        if not any(_may_fit(selector, check, tags) for check in tags):
            close = nearest(selector, config.checks)
            yield f"{setting}: {selector!r} fits no check now" + (f", did you mean '{close}'?" if close else "")


def windows_without_end(config: Config) -> Iterator[str]:
    """Say which windows are always open: nothing of their checks is ever told."""
    for window in config.agent.maintenance:
        if never_ends(window.cron, window.duration):
            yield f"agent.maintenance: the window of {window.select} is always open, nothing of them is ever told"
    for check in config.checks.values():
        if any(never_ends(window.cron, window.duration) for window in check.maintenance):
            yield f"{check.place}: {check.name}: a window of maintenance is always open, nothing of it is ever told"


def _may_fit(selector: str, check: str, tags: Tags) -> bool:
    """Tell whether some subject of a check may be meant: subjects, and the tags of the host, are not written down."""
    return all(_term_may_fit(term, check, tags) for term in selector.split())


def _term_may_fit(term: str, check: str, tags: Tags) -> bool:
    tag, equals, value = term.partition("=")
    if not equals or ":" in tag:
        return fnmatchcase(check, term.partition(":")[0])
    is_written = any(tag in of_check for of_check in tags.values())
    return fnmatchcase(tags[check].get(tag, ""), value) if is_written else True
