"""Waiting for a socket in the loop that runs us: costs a descriptor, and ends by the deadline."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def readable(connection: socket.socket, until: float) -> None:
    """Wait until there is something to receive; TimeoutError at this moment (monotonic seconds)."""
    loop = asyncio.get_running_loop()
    await _ready(loop.add_reader, loop.remove_reader, connection.fileno(), until)


async def writable(connection: socket.socket, until: float) -> None:
    """Wait until there is room to send, or a connection is made or refused; TimeoutError as above."""
    loop = asyncio.get_running_loop()
    await _ready(loop.add_writer, loop.remove_writer, connection.fileno(), until)


async def retry(connection: socket.socket, act: Callable[[], T], until: float, *, sends: bool = False) -> T:
    """Do on a socket that does not block what would block, again and again until it is done; with TLS or without.

    TimeoutError as above.
    """
    asked = False
    while True:
        try:
            return act()
        except ssl.SSLWantReadError:
            # Others go on meanwhile. A near server has answered by then, and nobody need wait for the socket.
            await (readable(connection, until) if asked else asyncio.sleep(0))
            asked = True
        except ssl.SSLWantWriteError:
            await writable(connection, until)
        except BlockingIOError:
            wait = writable if sends else readable
            await wait(connection, until)


async def _ready(watch: Callable[..., Any], unwatch: Callable[[int], Any], descriptor: int, until: float) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    timer = loop.call_at(until, _set, ready, True)  # the loop's clock is the monotonic one
    watch(descriptor, _set, ready, False)
    try:
        late = await ready
    finally:
        unwatch(descriptor)
        timer.cancel()
    if late:
        raise TimeoutError


def _set(ready: asyncio.Future[bool], late: bool) -> None:
    if not ready.done():
        ready.set_result(late)
