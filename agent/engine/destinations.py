"""Pure: who is told from now on, by what the configuration says and what the store knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from agent.config.sections.destination import TERMINAL
from agent.config.selector import matches
from agent.model import Destination, EventStatus, Notification, Outcome, Result, State, Status
from agent.store import KnownProblems

SUBJECT = "destinations"


class Targets(msgspec.Struct, frozen=True):
    """The destinations that the configuration names."""

    destinations: tuple[Destination, ...] = ()
    readable: bool = True
    """False: some of the settings cannot be read, so what is missing may be meant all the same."""


class Plan(msgspec.Struct, frozen=True):
    """Who is told, who is not told for now, and whose deliveries end."""

    destinations: tuple[Destination, ...]
    on_hold: tuple[str, ...] = ()
    """What waits for these is kept, and nothing is sent: their settings cannot be read."""
    removed: tuple[str, ...] = ()


def plan(stored: Sequence[Destination], targets: Targets, ever_configured: bool) -> Plan:
    """Compare the destinations in force with those that the settings name.

    1. What the settings do not name was removed on purpose, if they can be read; if not, it is on hold.
    2. Another one under a known name takes its place; if the settings cannot be read, the name is on hold.
    3. The terminal is told only where no destination was ever configured.
    """
    names = {one.name for one in targets.destinations}
    if not names and not ever_configured:
        return Plan((Destination(TERMINAL, TERMINAL),))
    before = {one.name: one for one in stored if one.name != TERMINAL}
    missing = tuple(name for name in before if name not in names)
    terminal = (TERMINAL,) if names and any(one.name == TERMINAL for one in stored) else ()
    if targets.readable:
        return Plan(targets.destinations, removed=missing + terminal)
    doubtful = tuple(one.name for one in targets.destinations if _another(before.get(one.name), one))
    certain = tuple(one for one in targets.destinations if one.name not in doubtful)
    return Plan(certain, on_hold=missing + doubtful, removed=terminal)


def _another(before: Destination | None, now: Destination) -> bool:
    return before is not None and before.identity not in ("", now.identity)


def selects(destination: Destination, notification: Notification) -> bool:
    """Tell whether a destination wants a notification."""
    return matches(destination.only, notification.check, notification.tags, notification.subject)


def unknown_problems(
    states: Iterable[State],
    known: KnownProblems,
    only: str,
    tags: Mapping[str, Mapping[str, str]],
) -> list[State]:
    """Return the problems that stand and a destination does not know of, or not as they are.

    `tags` by check.
    """
    return [
        state
        for state in states
        if state.notified not in (None, EventStatus.OK)
        and known.get((state.check, state.subject)) != (state.incident, state.notified)
        and matches(only, state.check, tags.get(state.check, {}), state.subject)
    ]


def as_known(notification: Notification, known: KnownProblems) -> Notification:
    """Return what stands with what a destination knows of the same problem, if it knows of it."""
    incident, status = known.get((notification.check, notification.subject), ("", ""))
    if not incident or incident != notification.incident or status not in list(EventStatus):
        return notification
    return msgspec.structs.replace(notification, previous=EventStatus(status))


def destinations_outcome(plan: Plan, ended_counts: Mapping[str, int], now: int) -> Outcome:
    """Say in the agent's own check what became of the destinations; `now` in Unix milliseconds."""
    undelivered = {name: count for name, count in ended_counts.items() if count}
    if plan.on_hold:
        text = f"what waits for {', '.join(plan.on_hold)} is kept: its settings cannot be read"
        result = Result(Status.NODATA, text, SUBJECT)
    elif undelivered:
        counts = ", ".join(f"{count} for {name}" for name, count in undelivered.items())
        text = f"never told, because the destination was removed from the configuration: {counts}"
        result = Result(Status.WARNING, text, SUBJECT)
    else:
        names = ", ".join(one.name for one in plan.destinations)
        result = Result(Status.OK, f"told: {names}" if names else "none is configured: no event is sent", SUBJECT)
    # Not complete: other subjects of the same check are not gone because this speaks of one only.
    return Outcome("hostvigil", 0, now, 0.0, (result,), complete=False)
