"""The one place that compiles and searches patterns: no text, however made, holds up anything but its own run.

Python's `re` keeps the interpreter's lock while it searches, and there are texts on which that takes hours. So each
pattern is compiled by `re`, which says what it means and what is wrong with it, but searched by `re` only in texts so
short that it must be done at once. All others are searched by the package `regex`, which gives up the lock and minds
a time limit.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from re._parser import SubPattern, parse  # type: ignore[import-not-found]
from typing import Any, Generic, TypeVar, cast

from agent.plugin.errors import CheckError
from agent.plugin.pattern_characters import Untranslatable
from agent.plugin.pattern_cost import longest_text
from agent.plugin.pattern_translation import translate

T = TypeVar("T")

ALONE_SECONDS = 1.0
"""For a search outside of a run."""
USUAL_CHARACTERS = 10_000
"""A pattern that `re` may search in texts of this length seldom meets longer ones, so `regex` is not loaded for it:
that takes 1.8 MB and 25 ms. Only what repeats something inside of something repeated cannot be searched so far."""
LONGEST_PATTERN = 10_000
"""Characters: compiling has no time limit."""
SHOWN = 60


class UnboundedPattern(ValueError):
    """The pattern is right, but cannot be searched for under a time limit; the text says why."""


class TakesLong(Exception):
    """Where nobody may wait, a search would take a while: do it on a thread."""


_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_briefly: ContextVar[bool] = ContextVar("briefly", default=False)


class _Inside(Generic[T]):
    """Has a variable hold a value inside of a `with`; a generator would cost each run three times as much."""

    __slots__ = ("_before", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._before = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._before)


def searching_until(deadline: float) -> _Inside[float | None]:
    """While inside, have every search end by this moment (monotonic seconds) with a CheckError."""
    return _Inside(_deadline, deadline)


def searching_briefly() -> _Inside[bool]:
    """While inside, have a search that may take longer than some milliseconds raise TakesLong instead."""
    return _Inside(_briefly, True)


def processor_share(load: float, processors: int) -> float:
    """Return how much of a processor a thread may expect on a host with this load, from a quarter to all of one.

    `regex` counts the time of the processor, of which a second may last for several on the wall of a busy host.
    """
    return min(1.0, max(0.25, processors / max(load, 0.01)))


class Pattern:
    """A compiled pattern. Immutable but for what is compiled late, so any thread may use it."""

    __slots__ = ("_longest", "_quick", "_slow", "_slow_in_ascii", "text")

    def __init__(self, text: str) -> None:
        """Raise re.error, OverflowError or RecursionError as `re` does, and UnboundedPattern."""
        self.text = text
        self._quick, tree = _compile(text)
        self._longest = longest_text(tree)
        self._slow: Callable[..., Any] | None = None
        self._slow_in_ascii: Callable[..., Any] | None = None
        if self._longest < USUAL_CHARACTERS:
            self._slow_in_ascii = _by_regex(tree, for_ascii=True)

    def search(self, text: str, seconds: float | None = None) -> re.Match[str] | None:
        """Search the text; CheckError at the end of the run, or after `seconds` where that is sooner."""
        deadline = _deadline.get()
        remaining = ALONE_SECONDS if deadline is None else deadline - time.monotonic()
        if remaining <= 0:
            raise self._late(text)
        remaining = remaining if seconds is None else min(remaining, seconds)
        if len(text) <= self._longest:
            return self._quick(text)
        if _briefly.get():
            raise TakesLong
        share = 1.0 if deadline is None else processor_share(os.getloadavg()[0], os.cpu_count() or 1)
        try:
            # What `regex` finds has all that is promised of a match.
            match = self._slow_search(text)(text, timeout=remaining * share, concurrent=True)
            return cast("re.Match[str] | None", match)
        except TimeoutError:
            raise self._late(text) from None
        except UnboundedPattern as error:
            raise CheckError(f"the pattern {self._excerpt()} cannot be searched for, {_on(text)}: {error}") from None
        except MemoryError:
            raise CheckError(f"the pattern {self._excerpt()} took too much memory, {_on(text)}") from None

    def _slow_search(self, text: str) -> Callable[..., Any]:
        """Return what searches this text under a time limit; compiled when the first such text comes."""
        if text.isascii():
            if self._slow_in_ascii is None:
                self._slow_in_ascii = _by_regex(_tree_of(self.text), for_ascii=True)
            return self._slow_in_ascii
        if self._slow is None:
            self._slow = _by_regex(_tree_of(self.text))
        return self._slow

    def _late(self, text: str) -> CheckError:
        return CheckError(f"the pattern {self._excerpt()} took longer than the run has, {_on(text)}")

    def _excerpt(self) -> str:
        return repr(self.text if len(self.text) <= SHOWN else self.text[:SHOWN] + "…")


def _on(text: str) -> str:
    return f"on a text of {len(text)} characters"


def _compile(text: str) -> tuple[Callable[[str], re.Match[str] | None], SubPattern]:
    if len(text) > LONGEST_PATTERN:
        raise UnboundedPattern(f"it has {len(text)} characters, {LONGEST_PATTERN} are the most")
    with warnings.catch_warnings(action="ignore"):
        search = re.compile(text).search
    return search, _tree_of(text)


def _tree_of(text: str) -> SubPattern:
    """Return `re`'s parse tree: it takes more memory than the rest of a pattern, and is made anew when it is used."""
    with warnings.catch_warnings(action="ignore"):
        return parse(text)


def _by_regex(tree: SubPattern, *, for_ascii: bool = False) -> Callable[..., Any]:
    import regex

    try:
        return cast("Callable[..., Any]", regex.compile(translate(tree, for_ascii=for_ascii), regex.VERSION1).search)
    except (Untranslatable, regex.error, OverflowError, RecursionError) as error:
        raise UnboundedPattern(str(error)) from None
