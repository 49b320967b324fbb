"""The HTTP server: waitress on one thread, with bounds on what one who asks can cost."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import threading
from collections import deque
from operator import attrgetter
from pathlib import Path
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from agent.config.files.content import Unreadable
from agent.config.files.patience import Patience
from agent.config.page_address import PageAddress

SOCKET_MODE = 0o660
"""Its owner and group may ask: the group is what a proxy is put into."""
CONNECTIONS = 60
LOOP_SECONDS = 30.0
"""What comes wakes it; only connections that say nothing are looked for so often."""
STOP_SECONDS = 0.5

log = logging.getLogger("hostvigil.page")


class PageServer:
    """Serves from its making until `stop`. The service's thread owns it."""

    def __init__(self, address: PageAddress, application: Any) -> None:
        """OSError when the address cannot be taken."""
        self._address = address
        self._open: dict[int, Any] = {}
        """The server's own: what it waits for."""
        self._tasks = Tasks()
        dispatcher: Any = self._tasks
        listener = _listen(address)
        self.port = 0 if address.path else int(listener.getsockname()[1])
        """What the system chose, where the address says 0."""
        try:
            self._server: Any = create_server(
                application,
                map=self._open,
                sockets=[listener],
                _dispatcher=dispatcher,
                outbuf_high_watermark=2**40,  # above it, who writes waits for the loop, and here it is the same
                connection_limit=CONNECTIONS,
                channel_timeout=30,
                max_request_header_size=16 * 1024,
                max_request_body_size=16 * 1024,
                ident=None,
                clear_untrusted_proxy_headers=False,  # what they say is only noted, and as said
            )
        except BaseException:
            listener.close()
            raise
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._open:
            self._make_room()
            wasyncore.loop(timeout=LOOP_SECONDS, use_poll=True, map=self._open, count=1)
            self._tasks.do()

    def _make_room(self) -> None:
        """Close the oldest connection where there is no room for one more: who holds many shuts out nobody."""
        if len(self._open) >= CONNECTIONS:
            idle = [one for one in self._server.active_channels.values() if not one.requests]
            if idle:
                min(idle, key=attrgetter("creation_time")).handle_close()

    def stop(self) -> None:
        """End within a second; answers that are under way may be cut."""
        if self._address.path:
            with contextlib.suppress(OSError, Unreadable):  # its mount may have come to hang
                Patience().one(self._address.path, Path(self._address.path).unlink)
        if not self._thread.is_alive():
            return
        # In the server's own thread: nobody may close what it waits for. It is woken before it may close the trigger.
        trigger = self._server.trigger
        with trigger.lock:
            trigger.thunks.append(lambda: wasyncore.close_all(self._open))
            trigger.pull_trigger()
        self._thread.join(STOP_SECONDS)


class Tasks:
    """What is asked, answered by the server's own thread, one after the other.

    In place of waitress's workers: all are shown what one makes, and a thread more costs half a megabyte.
    """

    def __init__(self) -> None:
        self._waiting: deque[Any] = deque()

    def add_task(self, task: Any) -> None:
        self._waiting.append(task)

    def do(self) -> None:
        """Answer all that waits."""
        while self._waiting:
            try:
                self._waiting.popleft().service()
            except Exception:
                log.exception("a bug of ours: a request has no answer")

    def shutdown(self, *_: Any) -> None:
        """Nothing of it goes on."""


def _listen(address: PageAddress) -> socket.socket:
    if not address.path:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family)
    path = Path(address.path)
    with contextlib.suppress(FileNotFoundError):
        # Of an agent that was killed. Nothing else than a socket goes away.
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is no socket")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        os.chmod(path, SOCKET_MODE)  # noqa: PTH101 - of what we have just made
        listener.listen(64)
    except BaseException:
        listener.close()
        raise
    return listener
