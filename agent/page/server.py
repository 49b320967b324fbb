"""The HTTP server: waitress on a thread of its own, with bounds on what one who asks can cost."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import threading
from pathlib import Path
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from agent.config.page_address import PageAddress

SOCKET_MODE = 0o660
"""Its owner and group may ask: the group is what a proxy is put into."""
STOP_SECONDS = 0.5


class PageServer:
    """Serves from its making until `stop`. The service's thread owns it."""

    def __init__(self, address: PageAddress, application: Any) -> None:
        """OSError when the address cannot be taken."""
        self._address = address
        self._open: dict[int, Any] = {}
        """The server's own: what it waits for."""
        # It warns of each request that waits for the one before, which is how a page comes with its style.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        listening = _listening(address)
        self.port = 0 if address.path else int(listening.getsockname()[1])
        """What the system chose, where the address says 0."""
        try:
            self._server: Any = create_server(
                application,
                map=self._open,
                sockets=[listening],
                threads=1,  # one makes what all are shown; a second costs 0.6 MB
                connection_limit=60,
                channel_timeout=30,
                max_request_header_size=16 * 1024,
                max_request_body_size=16 * 1024,
                asyncore_use_poll=True,
                asyncore_loop_timeout=30,
                ident=None,
                clear_untrusted_proxy_headers=False,  # what they say is only noted, and as said
            )
        except BaseException:
            listening.close()
            raise
        self._thread = threading.Thread(target=self._server.run, name="page", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End within a second; answers that are under way may be cut."""
        if self._address.path:
            with contextlib.suppress(OSError):
                Path(self._address.path).unlink()
        if not self._thread.is_alive():
            return
        # First who would still wake it: a number of a closed file may be another file's by then.
        self._server.task_dispatcher.shutdown(timeout=STOP_SECONDS)
        # In the server's own thread: nobody may close what it waits for. It is woken before it may close the trigger.
        trigger = self._server.trigger
        with trigger.lock:
            trigger.thunks.append(lambda: wasyncore.close_all(self._open))
            trigger.pull_trigger()
        self._thread.join(STOP_SECONDS)


def _listening(address: PageAddress) -> socket.socket:
    if not address.path:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return socket.create_server((address.host, address.port), family=family)
    path = Path(address.path)
    with contextlib.suppress(FileNotFoundError):
        # Of an agent that was killed. Nothing else than a socket goes away.
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is no socket")
        path.unlink()
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.bind(str(path))
        os.chmod(path, SOCKET_MODE)  # noqa: PTH101 - of what we have just made
        found.listen(64)
    except BaseException:
        found.close()
        raise
    return found
