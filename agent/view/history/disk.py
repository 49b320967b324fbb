"""The connection to the history's file: opened when it is needed, closed when it fails."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from agent.store.damage import is_damage
from agent.view.history import file
from agent.view.history.file import Keep

log = logging.getLogger("hostvigil.history")


class Disk:
    """Says once that it does not work, and once that it does again. The history's thread owns it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._db: sqlite3.Connection | None = None
        self._broken = False
        self._pruned = 0
        """The hour in which old rows were dropped last."""

    def opened(self) -> sqlite3.Connection:
        """Return the connection; OSError, sqlite3.Error when there is none to be had."""
        if self._db is None:
            self._db = file.opened(self._directory)
        return self._db

    def prune(self, keep: Keep, hour: int) -> None:
        """Once an hour, drop what is too old or too much. Within the caller's transaction."""
        if hour != self._pruned:
            file.prune(self.opened(), keep, hour)
            self._pruned = hour

    def works(self) -> None:
        if self._broken:
            log.warning("the history can be written again")
        self._broken = False

    def failed(self, error: Exception) -> bool:
        """Close it; True when the file is damaged and set aside, so that a new one is begun."""
        self.close()
        if is_damage(error):
            try:
                file.set_aside(self._directory, str(error))
                return True
            except OSError as denied:
                error = denied
        if not self._broken:
            log.error("the history cannot be written; it waits, and goes on when it can: %s", error)
            self._broken = True
        return False

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
