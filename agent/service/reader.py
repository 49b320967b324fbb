"""Reads the configuration on a thread of its own: whatever hangs there, the agent can be told to end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.config.drop_ins import load, load_agent
from agent.config.files.content import format_path
from agent.config.files.patience import AGAIN, count_late_answers
from agent.config.settings import Config, Place, Problem
from agent.config.types.catalog import Catalog
from agent.plugin.shared_work import Call
from agent.system.signals import Order, Signals

LONGEST = 60.0
"""Seconds for all of a load: each file has its own, much shorter time, so this is for what nobody thought of."""
LOOK_SECONDS = 1.0
"""How often to see whether something that hung has come back."""
READ_AGAIN = "read again"
"""The order that is given then."""


class Shutdown(Exception):
    """The agent was told to end before the configuration was read."""


class Reader:
    """The main thread reads; while something does not answer, a thread of its own looks whether it has come back."""

    def __init__(self, directory: Path, signals: Signals) -> None:
        self._directory = directory
        self._signals = signals
        self._late: Call | None = None
        self._waits = threading.Event()

    def load(self) -> Config:
        """Return the whole configuration; Shutdown when the agent is to end first."""
        time.tzset()  # the host's time zone may have been changed
        before = count_late_answers()
        config = self._read(lambda: load(self._directory, Catalog(), os.environ))
        if config.silent and not self._waits.is_set():
            self._waits.set()
            threading.Thread(target=self._look_again, args=(before,), name="look-again", daemon=True).start()
        return config

    def agent(self) -> Config:
        """Return only the agent's own settings; Shutdown when the agent is to end first."""
        return self._read(lambda: load_agent(self._directory, os.environ))

    def _look_again(self, before: int) -> None:
        """Have the configuration read anew once something has come back, and after a minute whatever happens."""
        until = time.monotonic() + AGAIN
        while count_late_answers() == before and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        self._waits.clear()
        self._signals.put(Order(READ_AGAIN))

    def _read(self, read: Callable[[], Config]) -> Config:
        call = self._late
        if call is None or call.done.is_set():
            self._late = call = Call(read)
            call.begin()
            if self._signals.wait_for(call, LONGEST):
                self._late = None
                return call.result()  # type: ignore[no-any-return]  # what `read` returns
        if self._signals.to_end:
            raise Shutdown
        text = f"cannot be read within {LONGEST:g}s: does a disk or mount hang?"
        problem = Problem(Place(format_path(self._directory)), text, agent=True)
        return Config(problems=(problem,), silent=(str(self._directory),))
