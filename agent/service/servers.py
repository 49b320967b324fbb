"""What is open to others: the socket for pushed results, and the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.config.settings import Config
from agent.engine.recorder.commands import Command
from agent.page.switch import PageSwitch
from agent.push.server import PushServer
from agent.service.steering import Steering
from agent.store import Store
from agent.system.host_tags import HostTags
from agent.system.redactor import Redactor

Apply = Callable[[Config, Config], None]
"""Has a part of the agent take over a configuration, in place of the one before."""


class Servers:
    """The main thread owns it."""

    def __init__(
        self,
        state_dir: Path,
        store: Store,
        put: Callable[[Command], None],
        host: HostTags,
        hide: Redactor,
        steering: Steering,
    ) -> None:
        self._push = PushServer(state_dir, put, hide, store.states())
        self._page = PageSwitch(state_dir, store, host, hide, steering)
        self.parts: tuple[Apply, ...] = (self._push.apply, self._page.apply)

    def stop(self) -> None:
        self._page.stop()
        self._push.stop()
