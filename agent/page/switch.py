"""On or off: where no page is configured, nothing of it is imported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.files.content import Unreadable
from agent.config.files.patience import Patience
from agent.config.settings import Config
from agent.store import Store

if TYPE_CHECKING:
    from agent.page.acting import Acting
    from agent.page.deeds import Steering
    from agent.page.server import PageServer
    from agent.page.source import Source

log = logging.getLogger("hostvigil.page")


class PageSwitch:
    """The service's thread owns it."""

    def __init__(
        self,
        directory: Path,
        store: Store,
        host: Callable[[], dict[str, str]],
        hide: Callable[[str], str],
        steering: Steering,
    ) -> None:
        self._steering = steering
        self._directory = directory
        self._store = store
        self._host = host
        self._hide = hide
        self._config = Config()
        """At work; the server's threads read it."""
        self._server: PageServer | None = None

    def apply(self, old: Config, new: Config) -> None:
        """Take over a configuration; a page that could not be served is tried again."""
        before = self._config.agent
        has_moved = (before.page, bool(before.page_token)) != (new.agent.page, bool(new.agent.page_token))
        self._config = new
        if has_moved:
            self.stop()
        if new.agent.page and self._server is None:
            self._serve(new.agent.page)

    def stop(self) -> None:
        server, self._server = self._server, None
        if server:
            server.stop()

    def _serve(self, address: str) -> None:
        try:
            self._server = self._make_server(address)
        except (OSError, Unreadable) as error:
            log.error("the page cannot be served at %s: %s; hostvigil reload tries again", address, error)
        except Exception:
            log.exception("a bug of ours: there is no page, and everything else goes on")

    def _make_server(self, address: str) -> PageServer:
        from agent.config.page_address import parse
        from agent.page.application import application
        from agent.page.readiness import Readiness
        from agent.page.server import PageServer
        from agent.page.source import Source
        from agent.system.heap import give_back

        where = parse(address)
        if where.path:
            folder = Path(where.path).parent
            Patience().one(str(folder), folder.stat)  # on a mount that hangs, who makes a socket waits for ever
        source = Source(self._directory, lambda: self._config, self._host, self._hide)
        ready = Readiness(self._store, lambda: self._config)
        acting = self._acting(source) if self._config.agent.page_token else None
        give_back()  # of what came and went with the modules
        return PageServer(where, application(source, ready, where, acting))

    def _acting(self, source: Source) -> Acting:
        from agent.page.acting import Acting
        from agent.page.deeds import Deeds
        from agent.page.sessions import Sessions

        deeds = Deeds(self._steering, source.snapshot)
        return Acting(Sessions(lambda: self._config.agent.page_token), deeds, source)
