"""Pure: which subjects are asked for by name, status, type and tag."""

from __future__ import annotations

import msgspec

from agent.cli.answers.missing import no_check
from agent.config.selector import matches
from agent.config.wording import nearest
from agent.view.snapshot import Mark, Snapshot, SubjectView


class Choice(msgspec.Struct, frozen=True):
    """What is asked for; of each kind one must fit, an empty kind fits all."""

    names: tuple[str, ...] = ()
    """Selectors such as `web-*`, `disks:/mnt/*`, `env=prod`."""
    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def chosen(seen: Snapshot, choice: Choice) -> tuple[SubjectView, ...]:
    return tuple(one for one in seen.subjects if _fits(one, choice))


def unknown(seen: Snapshot, choice: Choice) -> str:
    """Say which name fits nothing, and what was probably meant; empty when each fits something."""
    for name in choice.names:
        if not any(matches(name, one.check, one.tags, one.subject) for one in seen.subjects):
            return no_check(name, seen.checks)
    types = {one.type for one in seen.subjects}
    for name in choice.types:
        if name not in types:
            close = nearest(name, types)
            return f"there is no check of type {name!r}" + (f", did you mean '{close}'?" if close else "")
    return ""


def _fits(one: SubjectView, choice: Choice) -> bool:
    statuses = {str(one.status)} | ({"flapping"} if Mark.FLAPPING in one.marks else set())
    return (
        (not choice.names or any(matches(name, one.check, one.tags, one.subject) for name in choice.names))
        and (not choice.statuses or not statuses.isdisjoint(choice.statuses))
        and (not choice.types or one.type in choice.types)
        and all(matches(tag, one.check, one.tags, one.subject) for tag in choice.tags)
    )
