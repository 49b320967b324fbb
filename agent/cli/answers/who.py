"""Who asks: what is noted beside a silence or an acknowledgement."""

from __future__ import annotations

import os

from agent.plugin.accounts import find_account
from agent.plugin.text import one_line

LONGEST = 40


def who() -> str:
    """Return who asks: behind sudo the person, not root."""
    if person := os.environ.get("SUDO_USER", ""):
        return one_line(person, LONGEST)
    account = find_account(os.getuid())
    return account.name if account else f"user {os.getuid()}"
