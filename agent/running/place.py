"""Where in the code a run stands: in a thread, or waiting in a loop."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from agent.api import Check
from agent.running.execute import begin, go_on


def place_in_code(thread: int, check: Check) -> str:
    """Name the line of code that a hanging run stands in: the check's own line before a library's."""
    return _place(_frames_of_thread(thread), check)


def place_of_task(coroutine: Any, check: Check) -> str:
    """Name the line of code in which a run waits in a loop: as above."""
    return _place(reversed(list(_frames_of_coroutine(coroutine))), check)


def _place(innermost_first: Iterable[FrameType], check: Check) -> str:
    own = type(check).__module__.partition(".")[0]
    name = ""
    for frame in innermost_first:
        code = frame.f_code
        here = f"in {code.co_name} ({'/'.join(code.co_filename.split('/')[-2:])}:{frame.f_lineno})"
        name = name or here
        if frame.f_globals.get("__name__", "").partition(".")[0] == own:
            return here
    return name or "in an unknown place"


def _frames_of_thread(thread: int) -> Iterator[FrameType]:
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_code not in (begin.__code__, go_on.__code__):
        yield frame
        frame = frame.f_back


def _frames_of_coroutine(awaitable: Any) -> Iterator[FrameType]:
    """Yield the frames below `go_on`, the outermost first."""
    inside = False
    while awaitable is not None:
        frame = next(
            (getattr(awaitable, f"{kind}_frame", None) for kind in _KINDS if hasattr(awaitable, f"{kind}_frame")), None
        )
        if frame is not None and inside:
            yield frame
        inside = inside or (frame is not None and frame.f_code is go_on.__code__)
        awaitable = _next_awaitable(awaitable)


_KINDS = ("cr", "ag", "gi")
"""Coroutine, asynchronous generator, generator."""


def _next_awaitable(one: Any) -> Any:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if hasattr(one, name):
            return getattr(one, name)
    # The step of an asynchronous generator says in no other way whose it is.
    return next((referent for referent in gc.get_referents(one) if hasattr(referent, "ag_frame")), None)
