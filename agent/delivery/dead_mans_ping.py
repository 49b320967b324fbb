"""The outgoing dead man's switch: a GET after each healthy minute, so that somebody else notices when they end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.config.settings import Config
from agent.plugin.text import one_line
from agent.system.redactor import redactor

if TYPE_CHECKING:
    from agent.delivery.sinks.wire import Client, Way

log = logging.getLogger("hostvigil.heartbeat")

INTERVAL_SECONDS = 60.0
TIMEOUT_SECONDS = 10.0
SAID_LIMIT = 100


class DeadMansPing:
    """Asks `agent.heartbeat_url`, and says in the log when that begins to fail and when it works again.

    The service's thread applies, the schedule's ticks, the recorder's says that all is written; each request has a
    thread of its own, one at a time. `after_write` hands a receipt to the recorder; `every` calls something every so
    often.
    """

    def __init__(
        self,
        every: Callable[[float, Callable[[], None]], None],
        after_write: Callable[[Callable[[], None]], None],
        interval: float = INTERVAL_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every = every
        self._after_write = after_write
        self._interval = interval
        self._monotonic = monotonic
        self._config = Config()
        self._ticking = False
        self._first_at = 0.0
        self._busy = threading.Lock()  # between the recorder and the request that is under way
        self._failed = False
        self._client: tuple[Way, Client] | None = None
        """Kept, for it knows what of its earlier requests still hangs."""

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration; who never has an address pays for no tick."""
        self._config = new
        if new.agent.heartbeat_url and not self._ticking:
            self._ticking = True
            # A healthy minute first: an agent that starts over and over is not well.
            self._first_at = self._monotonic() + self._interval * 0.99
            self._every(self._interval, self.tick)

    def tick(self) -> None:
        """Ask the recorder whether all is written: the schedule, which calls this, is well."""
        if self._config.agent.heartbeat_url and self._monotonic() >= self._first_at:
            self._after_write(self._healthy)

    def _healthy(self) -> None:
        if self._busy.acquire(blocking=False):
            threading.Thread(target=self._ask, name="heartbeat", daemon=True).start()

    def _ask(self) -> None:
        try:
            self._say(self._trouble())
        finally:
            self._busy.release()

    def _trouble(self) -> str:
        """Ask once; return what is wrong, empty where nothing is."""
        # Late: 19 MB that an agent without destinations does not pay otherwise.
        from agent.delivery.sinks.webhook.answers import says_no
        from agent.delivery.sinks.wire import Client, NoAnswer, Way

        agent = self._config.agent
        if not agent.heartbeat_url:
            return ""
        way = Way(TIMEOUT_SECONDS, agent.events.proxy, agent.events.ca_file)
        if self._client is None or self._client[0] != way:
            self._client = way, Client(way)
        try:
            response = self._client[1].ask("GET", agent.heartbeat_url, {"Accept-Encoding": "identity"}, None)
        except NoAnswer as error:
            return str(error)
        if 200 <= response.status < 300:
            words = one_line(response.body.decode(errors="replace"), SAID_LIMIT)
            return f"it says {words!r}" if says_no(response.body) else ""
        return f"HTTP {response.status}"

    def _say(self, trouble: str) -> None:
        if trouble and not self._failed:
            # Whoever knows the address may ask it.
            hide = redactor([self._config.agent.heartbeat_url.partition("://")[2].partition("/")[2]])
            log.warning("agent.heartbeat_url does not answer as it should: %s", hide(trouble))
        elif self._failed and not trouble:
            log.warning("agent.heartbeat_url answers again")
        self._failed = bool(trouble)
