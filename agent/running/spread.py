"""Pure: where in its interval a check is due, by its name and by how many checks there are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from hashlib import blake2s

import msgspec

from agent.config.settings import CheckConfig

SLOT_SECONDS = 0.25
"""The shortest slot: checks of one slot start together, as to wake up and find the processor's caches cold costs more
than several runs."""

LONGEST_SLOT_SECONDS = 8.0
"""Longer ones would save nothing, and begin many daily checks with the agent."""

FEWEST_SLOTS = 3
"""Of an interval: few checks are no reason to start all of a host's scripts at once."""

MOST_A_SLOT = 32
"""Runs on average, where a slot can be so short. As many connections to one address begin without a wait."""

INSIDE_SECONDS = 0.01
"""After the beginning of its slot a check is due: a turn at the agent's very beginning would be taken for its last."""

MOST_TOGETHER = 500
"""So many checks that share work are due at the same moment."""

BETWEEN_SECONDS = 0.5
"""Where in a second those are due: between the long slots, as a list of all processes would hold up who waits there."""


class Spread(msgspec.Struct, frozen=True):
    """What the whole of the checks means for the turns of each."""

    groups: Mapping[str, int] = msgspec.field(default_factory=dict)
    """In how many groups the checks of a type that shares work are due; thousands at once would be late."""
    rate: float = 0.0
    """Runs a second, of all checks."""

    def offset(self, config: CheckConfig) -> float:
        """Spread checks over their interval, in seconds, to the beginning of a slot: the same after every restart.

        Checks that share work are due at the same moments, whichever their intervals.
        """
        if config.check.together and self._groups_of(config) == 1:
            return BETWEEN_SECONDS + INSIDE_SECONDS
        slot = self.slot(config.interval)
        return self.phase(config) * config.interval // slot * slot + INSIDE_SECONDS

    def slot(self, interval: float) -> float:
        """Return how long a slot is, in seconds. By doubling, so that long slots begin with short ones."""
        enough = MOST_A_SLOT / self.rate if self.rate else math.inf
        longest = min(LONGEST_SLOT_SECONDS, interval / FEWEST_SLOTS, enough)
        return SLOT_SECONDS * 2.0 ** max(0, math.floor(math.log2(longest / SLOT_SECONDS)))

    def phase(self, config: CheckConfig) -> float:
        """Return the check's place among all, from 0 to 1, by its name; checks that share work have one for a group."""
        if not config.check.together:
            return fraction(config.name)
        groups = self._groups_of(config)
        return (fraction(config.type) + int(fraction(config.name) * groups) / groups) % 1.0

    def _groups_of(self, config: CheckConfig) -> int:
        return self.groups.get(config.type, 1)


ALONE = Spread()
"""Of checks so few that none has to mind another."""


def spread_of(checks: Collection[CheckConfig]) -> Spread:
    counts = Counter(config.type for config in checks if config.check.together)
    groups = {kind: -(-count // MOST_TOGETHER) for kind, count in counts.items()}
    return Spread(groups, sum(1 / config.interval for config in checks if not config.cron))


def fraction(name: str) -> float:
    digest = blake2s(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
