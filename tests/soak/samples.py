"""Pure: what an agent holds at a moment, and what has grown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple


class Sample(NamedTuple):
    """What the agent holds at a moment."""

    memory: float
    """RSS in MB."""
    threads: float
    descriptors: float
    files: float
    """In its state directory."""


ROOM = Sample(1.0, 4, 25, 2)
"""How much more may be by chance: what hangs just then holds a descriptor or three."""
SHARE = 0.05
"""Of memory: Python gives little back, and asks for it in large pieces."""


def growth(samples: Sequence[Sample]) -> list[str]:
    """Say what has grown after the first tenth: the last tenth of the time held against the second."""
    tenth = max(1, len(samples) // 10)
    early, late = samples[tenth : 2 * tenth], samples[-tenth:]
    grown = []
    for at, name in enumerate(Sample._fields):
        before, after = median(one[at] for one in early), median(one[at] for one in late)
        if after > before + ROOM[at] + (SHARE * before if name == "memory" else 0):
            grown.append(f"{name} has GROWN from {before:.4g} to {after:.4g}")
    return grown
