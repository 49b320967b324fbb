"""How much work a regular expression can be for Python's `re` at worst, judged on `re`'s own parse tree. Pure.

A backtracking matcher goes through a pattern once for each way in which the part before can match. So each part
has two numbers: its own steps, and the ways in which it can match from one place. Both are bounds from above.
"""

from __future__ import annotations

import math
import re
import re._constants as ops  # type: ignore[import-not-found]
from collections.abc import Iterable
from re._parser import SubPattern  # type: ignore[import-not-found]
from typing import Any, NamedTuple

MOST_STEPS = 1_000_000
"""About 10 ms: for so long `re` may keep Python's lock."""
MOST_CHARACTERS = 1 << 40
"""More than any text has."""
SCAN = 0.2
"""A step of a loop over single characters, which is the fastest thing that `re` does."""
SINGLE = (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN)
"""What matches one character."""
GROUP = 5.0
"""A step of a loop over anything else."""


class Cost(NamedTuple):
    """Bounds for one part of a pattern."""

    steps: float
    ways: float


def longest_text(tree: SubPattern) -> int:
    """Return how many characters a text may have so that no search in it takes more than MOST_STEPS."""
    good, bad = -1, MOST_CHARACTERS
    # Exact where nothing is repeated, as in most patterns: then the search below has nothing to do.
    guess = int(MOST_STEPS / steps(tree, 0)) - 1
    for length in (guess, guess + 1):
        if steps(tree, length) <= MOST_STEPS:
            good = max(good, length)
        else:
            bad = min(bad, length)
    while bad - good > 1:
        middle = (good + bad) // 2
        if steps(tree, middle) <= MOST_STEPS:
            good = middle
        else:
            bad = middle
    return good


def steps(tree: SubPattern, length: int) -> float:
    """Return the most steps that a search takes in a text of this many characters."""
    once = _row(tree, length).steps
    return once + length * SCAN if _only_at_the_start(tree) else (length + 1) * once


def _only_at_the_start(tree: SubPattern) -> bool:
    if not len(tree):
        return False
    op, argument = tree[0]
    once = {ops.AT_BEGINNING_STRING} if tree.state.flags & re.MULTILINE else {ops.AT_BEGINNING_STRING, ops.AT_BEGINNING}
    return op is ops.AT and argument in once


def _row(items: Any, length: int) -> Cost:
    """Add up parts that stand one after another: each is gone through for every way of those before it."""
    total, ways = SCAN, 1.0
    for op, argument in items:
        part = _part(op, argument, length)
        total += ways * part.steps
        ways *= part.ways
    return Cost(total, ways)


def _part(op: Any, argument: Any, length: int) -> Cost:
    if op in SINGLE or op in (ops.AT, ops.FAILURE):
        return Cost(1.0, 1.0)
    if op is ops.GROUPREF:
        return Cost(1.0 + length * SCAN, 1.0)
    if op is ops.SUBPATTERN:
        return _row(argument[3], length)
    if op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
        return _repeat(argument, length)
    if op is ops.POSSESSIVE_REPEAT:
        return _once(_repeat(argument, length))
    if op is ops.ATOMIC_GROUP:
        return _once(_row(argument, length))
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return _once(_row(argument[1], length))
    if op is ops.BRANCH:
        return _one_of(_row(branch, length) for branch in argument[1])
    if op is ops.GROUPREF_EXISTS:
        return _one_of(_row(branch or (), length) for branch in argument[1:])
    return Cost(math.inf, math.inf)


def _once(inner: Cost) -> Cost:
    """What has matched here is not tried in another way."""
    return Cost(inner.steps + 1.0, 1.0)


def _one_of(branches: Iterable[Cost]) -> Cost:
    costs = list(branches)
    return Cost(sum(cost.steps for cost in costs) + 1.0, sum(cost.ways for cost in costs))


def _repeat(argument: Any, length: int) -> Cost:
    least, most, body = int(argument[0]), int(argument[1]), argument[2]
    # A body that matches nothing ends the loop, so it turns once for each character, and `least` times anyhow.
    most = min(most, max(least, length) + 1)
    ways = max(1.0, most - least + 1.0)
    if len(body) == 1 and body[0][0] in SINGLE:
        return Cost(1.0 + most * SCAN, ways)
    inner = _row(body, length)
    if inner.ways <= 1.0:
        return Cost(1.0 + most * (inner.steps + GROUP), ways)
    turns = _powers(inner.ways, most)
    return Cost(1.0 + turns * (inner.steps + GROUP), turns)


def _powers(base: float, most: int) -> float:
    """Return 1 + base + base**2 + ... + base**most, or infinity where that is beyond all use."""
    if base == math.inf or (most + 1) * math.log(base) > 100.0:
        return math.inf
    return float((base ** (most + 1) - 1.0) / (base - 1.0))
