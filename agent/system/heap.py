"""Gives memory back that is free inside: glibc keeps it, and a page that was made leaves half a megabyte of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

# malloc.h
_M_ARENA_MAX = -8


@cache
def _libc(name: str) -> Callable[..., int] | None:
    import ctypes

    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):  # musl, macOS: they keep less
        return None
    return function


def share() -> None:
    """Have all threads take their memory from one place, where the C library can. To be called before any thread.

    Else each keeps some free for itself, though Python lets only one of them work at a time.
    """
    if set_option := _libc("mallopt"):
        set_option(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Give free memory back to the system, where its C library can. Any thread; takes about a millisecond."""
    if trim := _libc("malloc_trim"):
        trim(0)
