"""An import of somebody's file that would end, or replace, the whole process is an error of that file."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import posix
import threading
from collections.abc import Callable, Iterator
from typing import Any

_ENDS = ("_exit", "abort", "execv", "execve")
"""What of `os` leaves no room for a word. `os.exec*` and `os.spawn*` come to the last two."""
_IMPORTING: set[tuple[int, int]] = set()
"""Process and thread of each import under way: a child that it forks may end as it likes."""


class ImportEndsError(Exception):
    """The import would have ended the process."""


@contextlib.contextmanager
def forbid_exit() -> Iterator[None]:
    """Import within: ImportEndsError instead of the end. Of a crash (SIGSEGV) stderr says in which file it was."""
    _guard()
    here = os.getpid(), threading.get_ident()
    _IMPORTING.add(here)
    try:
        yield
    finally:
        _IMPORTING.discard(here)


def _guard() -> None:
    if hasattr(os._exit, "is_guard"):
        return
    for name in _ENDS:
        guard = _make_guard(name, getattr(os, name))
        setattr(os, name, guard)
        setattr(posix, name, guard)
    with contextlib.suppress(OSError, RuntimeError, AttributeError):  # there is no stderr
        if not faulthandler.is_enabled():
            faulthandler.enable()


def _make_guard(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def guard(*arguments: Any) -> Any:
        if (os.getpid(), threading.get_ident()) in _IMPORTING:
            raise ImportEndsError(f"calls os.{name} when it is imported, which would end the agent")
        return real(*arguments)

    guard.is_guard = True  # type: ignore[attr-defined]
    return guard
