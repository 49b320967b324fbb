"""Notices changes of what the configuration was read from, and asks for a reload as everybody does: with SIGHUP."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.files.content import version
from agent.config.files.ways import ANY, way
from agent.config.settings import Config

if TYPE_CHECKING:
    from inotify_simple import INotify

log = logging.getLogger("hostvigil.watch")

SETTLE_MILLISECONDS = 500
"""Editors and configuration management write several files, or one in several steps: one reload for all."""


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


class Watch:
    """Sleeps in the kernel until something on the way to one of the sources changes (inotify; only on Linux).

    `apply` is for the main thread; a thread of its own reads what the kernel says.
    """

    def __init__(self, reload: Callable[[], None] = hang_up) -> None:
        self._reload = reload
        self._names: Mapping[int, set[str]] = {}
        """The names that matter, by the kernel's number of the folder that is watched. Replaced, never changed."""
        self._changes: INotify | None = None
        self._refused: set[str] = set()

    def apply(self, old: Config, new: Config) -> None:
        """Watch what this configuration was read from, or nothing any more."""
        before = set(self._names)
        names_by_watch = self._add_watches(new.sources) if new.agent.watch else {}
        self._names = names_by_watch
        for number in before - set(names_by_watch):
            self._forget(number)
        # What changed after it was read and before it was watched, the kernel does not tell.
        if set(names_by_watch) - before and any(version(Path(path)) != then for path, then in new.sources.items()):
            self._reload()

    def _add_watches(self, sources: Iterable[str]) -> dict[int, set[str]]:
        names_by_watch: dict[int, set[str]] = {}
        for folder, names in way(sources).items():
            try:
                names_by_watch.setdefault(self._watch_folder(folder), set()).update(names)
            except (ImportError, OSError) as error:
                if folder not in self._refused:
                    log.error("%s cannot be watched, use hostvigil reload: %s", folder, error)
                self._refused.add(folder)
        return names_by_watch

    def _watch_folder(self, folder: str) -> int:
        from inotify_simple import INotify, flags

        if self._changes is None:
            self._changes = INotify()
            threading.Thread(target=self._work, args=(self._changes,), name="watch", daemon=True).start()
        events = flags.CLOSE_WRITE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.CREATE | flags.ATTRIB
        return int(self._changes.add_watch(folder, events | flags.ONLYDIR))

    def _forget(self, number: int) -> None:
        try:
            if self._changes is not None:
                self._changes.rm_watch(number)
        except OSError:
            return  # the folder is gone, and its watch with it

    def _work(self, changes: INotify) -> None:
        while True:
            events = changes.read(read_delay=SETTLE_MILLISECONDS)
            if any(self._matters(event.wd, event.name) for event in events):
                self._reload()

    def _matters(self, number: int, name: str) -> bool:
        names = self._names.get(number, ())
        # A number below 0: the kernel's queue was full, and what was in it is not known.
        return name in names or (ANY in names and bool(name)) or (number < 0 and bool(self._names))
