"""The agent's end: a unix socket that takes messages, and the spool for those that came while it was away."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.push.message import MOST_BYTES

log = logging.getLogger("hostvigil.push")

FILE = "agent.sock"
SPOOL = "spool"
SECONDS = 3.0
"""Longest that one sender may take; a sender that says nothing holds one place of many that long."""
SENDERS = 32
"""At once; more wait in the kernel's queue."""
SPOOLED_AT_MOST = 10_000

Take = Callable[[bytes, bool], str]
"""Takes a line, which waited in the spool or not, and returns once it is written; an answer says why it is not."""


class UnixListener:
    """Listens until `close`."""

    def __init__(self, address: Path, spool: Path, take: Take) -> None:
        self._spool = spool
        self._take = take
        self._places = threading.BoundedSemaphore(SENDERS)
        self._spooling = threading.Lock()
        self._address = address
        self._socket = listening(address)

    def start(self) -> None:
        threading.Thread(target=self._listen, name="inbox", daemon=True).start()
        threading.Thread(target=self.empty_spool, name="spool", daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._address.unlink()
        # Closing alone would not wake the thread that waits in accept().
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def empty_spool(self) -> None:
        """Take what was pushed while nobody listened, in the order of its time."""
        with self._spooling:
            for file in spooled(self._spool):
                if not self._take_file(file):
                    return

    def _take_file(self, file: Path) -> bool:
        """Return False when it cannot be taken now and nothing behind it either."""
        try:
            refusal = self._take(left(file), True)
        except OSError as error:
            log.error("%s cannot be read: %s", file, error.strerror)
            return True
        if refusal == BUSY:
            return False
        if refusal:
            log.error("%s: %s; it is dropped", file, refusal)
        file.unlink(missing_ok=True)
        return True

    def _listen(self) -> None:
        while True:
            self._places.acquire()
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), name="sender", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                answer = self._answer(connection)
                connection.sendall((answer or "ok").encode() + b"\n")
        except OSError as error:
            log.info("a sender went away: %s", error)
        finally:
            self._places.release()

    def _answer(self, connection: socket.socket) -> str:
        try:
            line = received(connection, time.monotonic() + SECONDS)
        except Unheard as error:
            return str(error)
        if line != NUDGE:
            return self._take(line, False)
        self.empty_spool()
        return ""


class Unheard(Exception):
    """What a sender said was no line: the text says why."""


BUSY = "the agent cannot write just now"
NUDGE = b"spool"
"""Sent by who has just spooled something: the agent may have come up in the same moment."""


def received(connection: socket.socket, until: float) -> bytes:
    """Read one line; Unheard when it is too long or does not come in time, `until` in monotonic seconds."""
    parts = b""
    while b"\n" not in parts:
        connection.settimeout(max(0.001, until - time.monotonic()))
        try:
            part = connection.recv(MOST_BYTES)
        except TimeoutError:
            raise Unheard(f"no whole line within {SECONDS:g}s") from None
        parts += part
        if len(parts) > MOST_BYTES:
            raise Unheard(f"longer than {MOST_BYTES} bytes")
        if not part:
            break
    return parts.strip()


def listening(address: Path) -> socket.socket:
    """Return a listening socket that owner and group may use. OSError when that cannot be done."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(address) as path:
            Path(path).unlink(missing_ok=True)  # of an agent that was killed: we hold the state directory's lock
            server.bind(path)
            Path(path).chmod(0o660)
        server.listen(128)
    except BaseException:
        server.close()
        raise
    return server


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


def left(file: Path) -> bytes:
    """Return what somebody left in the spool; OSError for a link or a pipe: the group writes here, and we read more."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return opened.read(MOST_BYTES)


def spooled(spool: Path) -> list[Path]:
    """Return the spooled messages, the oldest first."""
    try:
        return sorted(file for file in spool.iterdir() if file.suffix == ".json")
    except OSError:
        return []
