"""Equal settings stand in memory once: thousands of checks have the same ones."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")


def once(value: T) -> T:
    """Return the first of the values that are equal and of one type. It must be one that nobody changes."""
    first: T = _first(value)
    return first


@lru_cache(1000, typed=True)
def _first(value: Any) -> Any:
    return value
