"""Pure: what hosts handed over and is not told yet, in order per host, check and subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from agent.model import Notification

PREDECESSOR_WAIT = 600.0
"""Seconds that a change waits for the one before it: a broker that lost its disks gets it again within minutes."""

Key = tuple[str, str, str]
"""Host, check, subject."""


class Letter(msgspec.Struct, frozen=True):
    """One change that a host handed over."""

    host: str
    """The host's word in subjects, which the broker vouches for; what the facts say of the host is a text."""
    number: int
    """Its place in the broker's stream."""
    change: Notification
    after: str = ""
    """The id of the one before it, as long as that is not known."""
    arrived_at: float = 0.0
    """Monotonic seconds."""
    stored_at: int = 0
    """When the broker took it, Unix milliseconds."""
    level: bool = False
    """It was held back, and is what is left to be told of that."""
    covers: tuple[tuple[str, str], ...] = ()
    """Earlier changes, by host and id, that it is told instead of."""

    @property
    def key(self) -> Key:
        return self.host, self.change.check, self.change.subject

    @property
    def name(self) -> tuple[str, str]:
        """Host and id: a host that takes another's id takes nothing of it."""
        return self.host, self.change.id

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Return the names of all changes that need no telling when it is told."""
        return *self.covers, self.name


class Mailbox:
    """Holds letters until they are told. The relay's loop owns it."""

    def __init__(self) -> None:
        self._queues: dict[Key, list[Letter]] = {}
        self._names: dict[tuple[str, str], Letter] = {}
        self._in_flight: set[Key] = set()

    def __len__(self) -> int:
        return len(self._names)

    def backlog(self) -> dict[str, int]:
        """Return how many letters wait, by host."""
        counts: dict[str, int] = {}
        for host, _ in self._names:
            counts[host] = counts.get(host, 0) + 1
        return counts

    def holds(self, name: tuple[str, str]) -> bool:
        return name in self._names

    def put(self, letter: Letter, is_told: Callable[[tuple[str, str]], bool]) -> None:
        """Take a letter in at its place; `is_told` says which changes are told already."""
        if letter.name in self._names:
            return
        if letter.after and is_told((letter.host, letter.after)):
            letter = msgspec.structs.replace(letter, after="")
        self._queues[letter.key] = in_order([*self._queues.get(letter.key, ()), letter])
        self._names[letter.name] = letter

    def ready(self, now: float) -> list[tuple[Letter, ...]]:
        """Return, of each subject that may be told at `now` (monotonic seconds), the letters in their order."""
        queues = (self._free(queue, now) for key, queue in self._queues.items() if key not in self._in_flight)
        return [letters for letters in queues if letters]

    def _free(self, queue: Sequence[Letter], now: float) -> tuple[Letter, ...]:
        """Return those before the first gap that is still waited for."""
        before = ""
        for at, letter in enumerate(queue):
            if letter.after not in ("", before) and now < letter.arrived_at + PREDECESSOR_WAIT:
                return tuple(queue[:at])
            before = letter.change.id
        return tuple(queue)

    def take(self, letters: Iterable[Letter]) -> None:
        """These are on their way: nothing else of their subjects goes meanwhile."""
        self._in_flight |= {letter.key for letter in letters}

    def give_back(self, letters: Iterable[Letter]) -> None:
        """They are on their way no more, and wait again."""
        self._in_flight -= {letter.key for letter in letters}

    def remove(self, letters: Iterable[Letter]) -> None:
        """They are told, or will never be."""
        for letter in letters:
            self._in_flight.discard(letter.key)
            if self._names.pop(letter.name, None) is None:
                continue
            queue = self._queues.pop(letter.key, [])
            if rest := [_without(other, letter.change.id) for other in queue if other.name != letter.name]:
                self._queues[letter.key] = rest

    def replace(self, queue: Sequence[Letter], remaining: Sequence[Letter]) -> None:
        """Put what is left of a subject's first letters in their place; the others are known until they are removed."""
        key = queue[0].key
        self._queues[key] = [*remaining, *self._queues[key][len(queue) :]]
        self._names |= {letter.name: letter for letter in remaining}

    def letters(self, names: Iterable[tuple[str, str]]) -> list[Letter]:
        """Return those of these names that wait."""
        return [self._names[name] for name in names if name in self._names]


def _without(letter: Letter, before: str) -> Letter:
    return msgspec.structs.replace(letter, after="") if letter.after == before else letter


def in_order(letters: Sequence[Letter]) -> list[Letter]:
    """Return a subject's letters so that each follows the one it names; those after a gap come last.

    What names each other in a circle is nobody's order, and goes as it came.
    """
    ids = {letter.change.id for letter in letters}
    order: dict[str, Letter] = {}
    successors: dict[str, list[Letter]] = {}
    for letter in letters:
        successors.setdefault(letter.after, []).append(letter)
    begin = [letter for letter in letters if not letter.after]
    begin += [letter for letter in letters if letter.after and letter.after not in ids]
    for first in [*begin, *letters]:
        following: list[Letter] = [first]
        while following:
            letter = following.pop()
            if letter.change.id not in order:
                order[letter.change.id] = letter
                following += successors.get(letter.change.id, [])
    return list(order.values())
