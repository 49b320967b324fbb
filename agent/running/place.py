"""Where in the code a thread stands."""

from __future__ import annotations

import sys

from agent.api import Check
from agent.running.execute import execute


def place_in_code(thread: int, check: Check) -> str:
    """Name the line of code that a hanging run stands in: the check's own line before a library's."""
    own = type(check).__module__.partition(".")[0]
    frame = sys._current_frames().get(thread)
    name = ""
    while frame is not None and frame.f_code is not execute.__code__:
        code = frame.f_code
        here = f"in {code.co_name} ({'/'.join(code.co_filename.split('/')[-2:])}:{frame.f_lineno})"
        name = name or here
        if frame.f_globals.get("__name__", "").partition(".")[0] == own:
            return here
        frame = frame.f_back
    return name or "in an unknown place"
