"""The tree of a YAML file, which remembers where each value was written, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agent.config.settings import Place


class Refusal(msgspec.Struct, frozen=True):
    """Stands where a value would be that YAML allows and we do not."""

    text: str
    first: Node | None = None
    """Of a key written twice, the first value."""


UNSAID = "this setting"
"""The source of a secret: stands in messages where its value would."""
EMPTY = Refusal("has no value: write one (in quotes where it begins with # or &), or remove the line")


class Origin(msgspec.Struct, frozen=True, gc=False):
    """How a value was written and where it comes from, where that is not the value itself."""

    literal: str = ""
    """How it was written: a number, true, null, text with references."""
    source: str = ""
    """The `${...}` the value came from; messages then say this instead of the value."""
    parts: tuple[str, ...] = ()
    """What came out of the environment and is no secret unless the setting is one."""


AS_WRITTEN = Origin()
"""Of most values: the value itself says all."""


class Node(msgspec.Struct, frozen=True, gc=False):
    """A value and where it stands: a scalar, a Refusal, a list of nodes or a dict of nodes."""

    value: Any
    place: Place
    key: Place | None = None
    """Where the key of this value stands, inside a mapping."""
    origin: Origin = AS_WRITTEN
    """Nearly all have the same, so a node is no larger than its place: among names that stay, none leaves a hole."""

    @property
    def literal(self) -> str:
        return self.origin.literal

    @property
    def source(self) -> str:
        return self.origin.source

    def plain(self) -> Any:
        """Return the value as ordinary lists, dicts and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def leaves(self) -> Iterator[Node]:
        """Walk over everything that is neither a list nor a mapping."""
        if isinstance(self.value, (dict, list)):
            for node in self.value.values() if isinstance(self.value, dict) else self.value:
                yield from node.leaves()
        else:
            yield self

    @property
    def written(self) -> Any:
        """Return the value with its references unread: the same whoever reads it, in whatever environment."""
        if isinstance(self.value, dict):
            return {key: node.written for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.written for node in self.value]
        return self.literal if self.source else "" if isinstance(self.value, Refusal) else self.value

    def refusals(self) -> Iterator[Node]:
        return (leaf for leaf in self.leaves() if isinstance(leaf.value, Refusal))
