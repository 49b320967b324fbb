"""Whether the state directory answers: on a mount that hangs, who touches it cannot even be told to end."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from agent.config.files.patience import SILENT, answers
from agent.plugin.ownership import weak_spot
from agent.plugin.units import duration_text
from agent.store import StoreError

LOOK_SECONDS = 1.0
"""How often to see whether it has come back."""
WRITER_LOOK_SECONDS = 30.0
"""How often the recorder of a running agent is asked for a sign of life."""
LATE_SECONDS = 30.0
"""So long a busy recorder may take for it."""

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


def require_own_way(directory: Path) -> None:
    """StoreError where others than root may exchange the directory of root's agent, or a folder on the way to it."""
    if os.geteuid() == 0 and (weak := weak_spot(str(directory))):
        raise StoreError(f"the state directory of an agent of root: {weak}")


class WriterWatch:
    """Says when the recorder does not come back from the disk: a mount may come to hang at any time.

    The schedule's thread asks, the recorder's answers; nothing else of the agent waits for either.
    """

    def __init__(self, directory: Path, ping: Callable[[Callable[[], None]], None]) -> None:
        self._directory = directory
        self._ping = ping
        self._since: float | None = None
        self._said = False

    def look(self, now: float | None = None) -> None:
        """Ask for a sign of life; where the last one is late, say so once. `now`: monotonic seconds."""
        now = time.monotonic() if now is None else now
        since = self._since  # the other thread may set it
        if since is None:
            self._since = now
            self._ping(self._answer)
        elif not self._said and now - since >= LATE_SECONDS:
            self._said = True
            log.error(
                "nothing was written to the state directory %s for %s: until it answers, nothing is recorded or told. "
                "Does its disk or mount hang?",
                self._directory,
                duration_text(now - since),
            )

    def _answer(self) -> None:
        if self._said:
            log.warning("the state directory %s answers again", self._directory)
        self._since, self._said = None, False
