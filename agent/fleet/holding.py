"""Pure: what is not told now, across hosts, and what is told of it when that ends; decided as on one host."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from agent.config.selector import matches
from agent.config.settings import DependsOn, Maintenance
from agent.delivery.handover.message import host_of, token
from agent.engine.suppression.reasons import Ends, in_maintenance, silence_reasons, trouble, unreachable
from agent.fleet.ledger import ParentStatus
from agent.fleet.mailbox import Letter
from agent.fleet.notes import Notes
from agent.model import EventStatus, Reason, State, Status

Queue = tuple[Letter, ...]
DOWN = (EventStatus.CRITICAL, EventStatus.NODATA)
"""As in the engine: a parent in warning still does its work."""


class Rule(msgspec.Struct, frozen=True):
    """What is chosen depends on checks of other hosts, or on these hosts."""

    select: str
    on: DependsOn
    """Each is HOST/CHECK, or HOST for its signs of life."""
    wait: float = 0.0
    """Seconds that a problem waits, so that its parent may be heard first."""


class Holding:
    """Why changes are not told now. The relay's loop owns it; times are Unix milliseconds."""

    def __init__(self, rules: Sequence[Rule], windows: Sequence[Maintenance], ends: Ends, notes: Notes) -> None:
        self._rules = rules
        self._windows = windows
        self._ends = ends
        self._notes = notes
        self._parents = frozenset(parent for rule in rules for parent in rule.on.checks)

    @property
    def is_active(self) -> bool:
        """Tell whether there is anything that may hold something back."""
        return bool(self._rules or self._windows or self._notes.silences)

    def reasons(self, letter: Letter, began: int, now: int) -> tuple[Reason, ...]:
        """Return why a change that the broker took at `began` is not told; with `began` = `now`: why not now."""
        change, tags = letter.change, tags_of(letter)
        if change.status is EventStatus.INFO:
            return ()
        windows = [one for one in self._windows if matches(one.select, change.check, tags, change.subject)]
        return (
            *silence_reasons(self._notes.silences, change.check, tags, change.subject, began),
            *in_maintenance(windows, self._ends, began, now),
            *(reason for rule in self._select_rules(letter) for reason in self._unreachable(rule, letter, began, now)),
        )

    def waits(self, letter: Letter, now: int) -> bool:
        """Tell whether a problem waits for what its parents have to say."""
        if letter.change.status in (EventStatus.OK, EventStatus.INFO):
            return False
        return any(
            now < letter.stored_at + 1000 * rule.wait for rule in self._select_rules(letter) if _others(rule, letter)
        )

    def parent(self, letter: Letter) -> ParentStatus | None:
        """Return the new status of a check that others depend on; None for another check, or an older status."""
        change = letter.change
        current = self._notes.parents.get(letter.key)
        if f"{host_of(letter.host)}/{change.check}" not in self._parents:
            return None
        if current and letter.stored_at <= current.since:
            return None
        down_before = change.previous in DOWN
        return ParentStatus(letter.host, change.check, change.subject, change.status, letter.stored_at, down_before)

    def find_unknown_parents(self) -> list[str]:
        """Return the parents whose host gives no signs of life: their names may be written wrong."""
        return sorted(name for name in self._parents if token(name.partition("/")[0]) not in self._notes.hosts)

    def _select_rules(self, letter: Letter) -> list[Rule]:
        change, tags = letter.change, tags_of(letter)
        return [rule for rule in self._rules if matches(rule.select, change.check, tags, change.subject)]

    def _unreachable(self, rule: Rule, letter: Letter, began: int, now: int) -> list[Reason]:
        troubles = {parent: self._trouble(parent, began, now) for parent in _others(rule, letter)}
        return unreachable(rule.on, troubles)

    def _trouble(self, parent: str, began: int, now: int) -> Reason | None:
        host, _, check = parent.partition("/")
        word = token(host)
        life = self._notes.hosts.get(word)
        alive = State("", decided=Status.NODATA if life and life.missing else Status.OK)
        if life and life.turns:
            alive = msgspec.structs.replace(alive, decided_since=life.turned_at, events=life.turns)
        of_check = [one for key, one in self._notes.parents.items() if check and key[:2] == (word, check)]
        return trouble({"": alive}, began, now) or trouble({one.subject: _state(one) for one in of_check}, began, now)


def tags_of(letter: Letter) -> dict[str, str]:
    """Return what a selector sees: the tags, and the host's name that the broker vouches for."""
    return {**letter.change.tags, "host": host_of(letter.host)}


def _others(rule: Rule, letter: Letter) -> list[str]:
    """Return the parents of a change; what a parent's own host has to say is told."""
    own = host_of(letter.host)
    return [parent for parent in rule.on.checks if parent.partition("/")[0] != own]


def _state(parent: ParentStatus) -> State:
    bad = parent.status.value if parent.status in DOWN else "ok"
    return State(parent.check, parent.subject, Status(bad), parent.since, events=int(parent.was_down))


class Remainder(msgspec.Struct, frozen=True):
    """What is left of changes that were held back, when that is over."""

    remaining: tuple[Letter, ...]
    over: tuple[Letter, ...]
    """They are not told: what began meanwhile has ended meanwhile."""


def level(queue: Queue) -> Remainder:
    """Apply the level rule: of each incident what is true now is told, if it differs from what was told last."""
    remaining: list[Letter] = []
    over: list[Letter] = []
    for _, letters in groupby(queue, lambda letter: letter.change.incident):
        group = list(letters)
        before, latest = group[0].change.previous or EventStatus.OK, group[-1]
        if latest.change.status is before:
            over += group
        else:
            change = msgspec.structs.replace(
                latest.change, previous=group[0].change.previous, since=group[0].change.since
            )
            covers = tuple(name for letter in group for name in letter.names if name != latest.name)
            remaining.append(msgspec.structs.replace(latest, change=change, after="", level=True, covers=covers))
    return Remainder(tuple(remaining), tuple(over))
