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
        self._last_prune_hour = 0
        """The hour in which old rows were dropped last."""

    def connection(self) -> sqlite3.Connection:
        """Return the connection; OSError, sqlite3.Error when there is none to be had."""
        if self._db is None:
            self._db = file.open_history(self._directory)
        return self._db

    def prune(self, keep: Keep, hour: int) -> None:
        """Once an hour, drop what is too old or too much. Within the caller's transaction."""
        if hour != self._last_prune_hour:
            file.prune(self.connection(), keep, hour)
            self._last_prune_hour = hour

    def works(self) -> None:
        if self._broken:
            log.warning("the history can be written again")
        self._broken = False

    def recover(self, error: Exception) -> bool:
        """Close it; True when the file is damaged and set aside, so that a new one is begun."""
        self.close()
        if is_damage(error):
            try:
                file.set_aside(self._directory, str(error))
                return True
            except OSError as refusal:
                error = refusal
        if not self._broken:
            log.error("the history cannot be written; it waits, and goes on when it can: %s", error)
            self._broken = True
        return False

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
