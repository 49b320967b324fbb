"""Where pushed results come in: who may push what, and when the sender may go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.api import PushedCheck
from agent.config.settings import Config
from agent.model import Outcome, RunStarted

log = logging.getLogger("hostvigil.push")

RECEIPT_SECONDS = 3.5
"""How long a sender waits until its result is written, before it leaves it in the spool."""


class PushServer:
    """Opened when the first check wants pushed results; what it needs is imported then."""

    def __init__(
        self,
        state_dir: Path,
        put: Callable[[Outcome | RunStarted | Callable[[], None]], None],
        hide: Callable[[str], str] = str,
    ) -> None:
        self._state_dir = state_dir
        self._put = put
        self._names: frozenset[str] = frozenset()
        self._hide = hide
        self._close: Callable[[], None] | None = None

    def serve(self, config: Config) -> None:
        """Take results for the checks of this configuration from now on."""
        self._names = frozenset(
            name for name, one in config.checks.items() if one.enabled and isinstance(one.check, PushedCheck)
        )
        if self._names and not self._close:
            self._open()

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration."""
        self.serve(new)

    def close(self) -> None:
        if self._close:
            self._close()

    def _open(self) -> None:
        from agent.push.client import address
        from agent.push.listener import SPOOL, UnixListener

        spool = self._state_dir / SPOOL
        try:
            spool.mkdir(exist_ok=True)
            spool.chmod(0o770)  # the directory above says whether the group comes so far
            inbox = UnixListener(address(self._state_dir), spool, self._take)
        except OSError as error:
            log.error("no result can be pushed: %s", error)
            return
        self._close = inbox.close
        inbox.start()

    def _take(self, line: bytes, spooled: bool) -> str:
        """Take a message; return why it is not taken, '' once it is written."""
        from agent.push.listener import BUSY
        from agent.push.message import NotAMessage, outcome, parse

        try:
            message = parse(line)
        except NotAMessage as error:
            return str(error)
        if message.check not in self._names:
            return f"no check of type pushed is called {message.check!r}"
        if message.kind == "started":
            self._put(RunStarted(message.check, message.subject, message.run, message.at))
        else:
            self._put(outcome(message, spooled, time.time_ns() // 1_000_000, self._hide))
        written = threading.Event()
        self._put(written.set)
        return "" if written.wait(RECEIPT_SECONDS) else BUSY
