"""The home that programs are given."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from agent.api import weak_spot


def home_of_the_agent() -> str:
    """Return HOME; root's own where it is somebody else's (after `su` or `sudo`), as programs load code from there."""
    home = os.environ.get("HOME", "/")
    if os.geteuid() != 0 or home == home_of_root() or not weak_spot(home):
        return home
    return home_of_root()


@functools.cache
def home_of_root(ask: Callable[[int], Any] | None = None) -> str:
    """Return it as the host has it; `ask` stands in for getpwuid."""
    import pwd

    try:
        return str((ask or pwd.getpwuid)(0).pw_dir)
    except KeyError:  # a container of few files
        return "/"
