"""Whether the state directory answers: on a mount that hangs, who touches it cannot even be told to end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from agent.config.patience import SILENT, answers

LOOK_SECONDS = 1.0
"""How often to see whether it has come back."""

log = logging.getLogger("hostvigil")


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
