"""Whether the state directory answers: on a mount that hangs, who touches it cannot even be told to end."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from agent.config.files import Unreadable
from agent.config.patience import SILENT, Patience

LOOK_SECONDS = 1.0
"""How often to see whether it has come back."""

log = logging.getLogger("hostvigil")


def answers(directory: Path) -> bool:
    """Tell, within seconds, whether the directory answers; that it is not there is an answer, too."""
    try:
        Patience().one(str(directory), lambda: os.statvfs(directory))  # asks the server: no memory of it counts
    except Unreadable:
        return False
    except (OSError, ValueError):
        pass  # what it answers is for whoever opens it
    return True


def comes_back(directory: Path, to_end_within: Callable[[float], bool]) -> bool:
    """Wait for it and say so; False when the agent is to end first. It is begun with: nothing is kept elsewhere."""
    if answers(directory):
        return True
    log.error("the state directory %s %s The agent waits for it", directory, SILENT)
    while not to_end_within(LOOK_SECONDS):
        if answers(directory):
            log.warning("the state directory %s answers again", directory)
            return True
    return False
