"""Notices changed drop-ins, and asks for a reload the way everybody does: with SIGHUP."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

log = logging.getLogger("hostvigil.watch")

SETTLE_MILLISECONDS = 500
"""Editors and configuration management write several files, or one in several steps: one reload for all."""


class Watch:
    """Sleeps in the kernel until something in the directory changes (inotify; only on Linux)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._wanted = False
        self._thread: threading.Thread | None = None

    def want(self, wanted: bool) -> None:
        """Begin to watch, or take no notice any more."""
        self._wanted = wanted
        if wanted and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        try:
            from inotify_simple import INotify, flags

            changes = INotify()
            what = flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.CREATE | flags.ATTRIB
            changes.add_watch(self._directory, what)
        except (ImportError, OSError) as error:
            log.error("%s cannot be watched, use hostvigil reload: %s", self._directory, error)
            return
        while True:
            changes.read(read_delay=SETTLE_MILLISECONDS)
            if self._wanted:
                os.kill(os.getpid(), signal.SIGHUP)
