"""Who asks: what is noted beside a silence or an acknowledgement."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress

from agent.plugin.text import one_line

LONGEST = 40


def who() -> str:
    """Return who asks: behind sudo the person, not root."""
    if person := os.environ.get("SUDO_USER", ""):
        return one_line(person, LONGEST)
    with suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return f"user {os.getuid()}"
