"""Notices changed drop-ins, and asks for a reload the way everybody does: with SIGHUP."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inotify_simple import INotify

log = logging.getLogger("hostvigil.watch")

SETTLE_MILLISECONDS = 500
"""Editors and configuration management write several files, or one in several steps: one reload for all."""


class Watch:
    """Sleeps in the kernel until something in one of the folders changes (inotify; only on Linux)."""

    def __init__(self) -> None:
        self._wanted = False
        self._changes: INotify | None = None

    def want(self, wanted: bool, folders: Iterable[Path]) -> None:
        """Begin to watch these folders too, or take no notice any more."""
        self._wanted = wanted
        for folder in folders if wanted else ():
            try:
                self._add(folder)
            except (ImportError, OSError) as error:
                log.error("%s cannot be watched, use hostvigil reload: %s", folder, error)

    def _add(self, folder: Path) -> None:
        from inotify_simple import INotify, flags

        if self._changes is None:
            self._changes = INotify()
            threading.Thread(target=self._work, args=(self._changes,), name="watch", daemon=True).start()
        what = flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.CREATE | flags.ATTRIB
        self._changes.add_watch(folder, what)

    def _work(self, changes: INotify) -> None:
        while True:
            changes.read(read_delay=SETTLE_MILLISECONDS)
            if self._wanted:
                os.kill(os.getpid(), signal.SIGHUP)
