"""Pure: which subjects are asked for by name, status, type and tag."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.cli.answers.missing import no_check
from agent.cli.words import STATUSES
from agent.config.selector import matches
from agent.config.words.names import nearest
from agent.view.snapshot import Mark, Snapshot, SubjectView


class Choice(msgspec.Struct, frozen=True):
    """What is asked for; of each kind one must fit, an empty kind fits all."""

    names: tuple[str, ...] = ()
    """Selectors such as `web-*`, `disks:/mnt/*`, `env=prod`."""
    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    host: Mapping[str, str] = {}
    """The host's own tags, such as os, which every check has too."""


def choose(snapshot: Snapshot, choice: Choice) -> tuple[SubjectView, ...]:
    return tuple(one for one in snapshot.subjects if _fits(one, choice))


def unknown(snapshot: Snapshot, choice: Choice) -> str:
    """Say which name fits nothing, and what was probably meant; empty when each fits something."""
    for name in choice.names:
        if not any(_means(name, one, choice) for one in snapshot.subjects):
            if name in snapshot.agent.disabled:
                return f"{name} is switched off (enabled: false), so it has no status"
            return no_check(name, snapshot.checks) + _as_option(name)
    types = {one.type for one in snapshot.subjects}
    for name in choice.types:
        if name not in types:
            close = nearest(name, types)
            return f"there is no check of type {name!r}" + (f", did you mean '{close}'?" if close else "")
    tags = set(choice.host).union(*(one.tags for one in snapshot.subjects))
    for tag in choice.tags:
        if (name := tag.partition("=")[0]) not in tags:
            close = nearest(name, tags)
            return f"no check has a tag {name!r}" + (f", did you mean '{close}'?" if close else "")
    return ""


def _as_option(name: str) -> str:
    """Say which option a word is that is no check: `status problems`."""
    word = name.lower()
    if word in STATUSES:
        return f"; --status {word} shows what is so"
    return f"; --{word} is an option" if word in ("problems", "all", "watch", "json") else ""


def _means(selector: str, view: SubjectView, choice: Choice) -> bool:
    return matches(selector, view.check, {**choice.host, **view.tags}, view.subject)


def _fits(view: SubjectView, choice: Choice) -> bool:
    statuses = {str(view.status)} | ({"flapping"} if Mark.FLAPPING in view.marks else set())
    return (
        (not choice.names or any(_means(name, view, choice) for name in choice.names))
        and (not choice.statuses or not statuses.isdisjoint(choice.statuses))
        and (not choice.types or view.type in choice.types)
        and all(_means(tag, view, choice) for tag in choice.tags)
    )
