"""Unix sockets of the agent, for both ends: however long the path is, and never where a link leads."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path


def listen_on(address: Path, mode: int, backlog: int) -> socket.socket:
    """Return a listening socket with the rights of `mode`. OSError when that cannot be done."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(address) as path:
            Path(path).unlink(missing_ok=True)  # of an agent that was killed: we hold the state directory's lock
            server.bind(path)
            Path(path).chmod(mode)
        server.listen(backlog)
    except BaseException:
        server.close()
        raise
    return server


def stop_listening(server: socket.socket, address: Path) -> None:
    """Take the socket away and close it; who waits in accept() wakes up with an OSError."""
    with contextlib.suppress(OSError):
        address.unlink()
    # Closing alone would not wake the thread that waits in accept().
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    server.close()


@contextlib.contextmanager
def reachable(address: Path) -> Iterator[str]:
    """Yield a path that fits a socket's 108 bytes, however long the directory's own is."""
    if len(os.fsencode(address)) < 100 or not Path("/proc/self/fd").exists():
        yield str(address)
        return
    directory = os.open(address.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{address.name}"
    finally:
        os.close(directory)


@contextlib.contextmanager
def open_socket(address: Path, require: Callable[[os.stat_result], None] = lambda info: None) -> Iterator[str]:
    """Yield a path to the very socket that lies there: no link is followed, where the system can tell.

    `require` may refuse it by an OSError. ConnectionRefusedError where it is no socket.
    """
    if not hasattr(os, "O_PATH") or not Path("/proc/self/fd").exists():
        with reachable(address) as path:
            yield path
        return
    descriptor = os.open(address, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISSOCK(info.st_mode):
            raise ConnectionRefusedError(errno.ENOTSOCK, "it is no socket")
        require(info)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def read_line(connection: socket.socket, most: int, until: float) -> bytes:
    """Read one line, or what came of it when the other end went away or said more than `most` bytes.

    TimeoutError when it does not come; `until` is monotonic seconds.
    """
    parts = bytearray()
    while not parts.endswith(b"\n"):
        connection.settimeout(max(0.001, until - time.monotonic()))
        part = connection.recv(65_536)
        parts += part
        if not part or len(parts) > most:
            break
    return bytes(parts)
