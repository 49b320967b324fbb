"""An exception of a check type -> what went wrong, in which line of it, and what to write instead."""

from __future__ import annotations

import re
import subprocess
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.api import Check

_HINTS = (
    ("immutable type", "settings stay as they are, ctx.memory remembers"),
    (r"got an unexpected keyword argument 'metrics?'", "yield each Metric by itself, beside the result"),
    ("is not a valid Status", "write Status.OK, or yield ok(...), warning(...), critical(...), nodata(...)"),
    ("exceptions must derive from BaseException", "yield a result; what is raised is CheckError"),
    ("'Result' object is not callable", "`run` is a method, not a property"),
    (
        "'Context' object has no attribute '(?:log|logger|config|settings)'",
        "settings are fields of the class (self.name), a log is logging.getLogger(__name__)",
    ),
)
_OF_THE_WORLD = "where that may happen, raise CheckError (it could not look), or yield critical"


def bug_text(error: BaseException, check: Check) -> str:
    """Say it in one line."""
    hint = _hint(error)
    return f"a bug in this check: {type(error).__name__}: {error}{_line(error, check)}{hint and f': {hint}'}"


def _hint(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "yield a result instead of ending the program"
    if isinstance(error, OSError | subprocess.SubprocessError):
        return _OF_THE_WORLD
    return next((hint for form, hint in _HINTS if re.search(form, str(error))), "")


def _line(error: BaseException, check: Check) -> str:
    """Return the innermost line of the type's own code; '' where it was in none."""
    own = type(check).__module__.partition(".")[0]
    lines = [
        f" ({'/'.join(frame.f_code.co_filename.split('/')[-2:])}:{line})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] == own
    ]
    return lines[-1] if lines else ""
