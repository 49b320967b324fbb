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
from collections.abc import Callable
from pathlib import Path

from agent.plugin.text import one_line
from agent.push.message import MOST_BYTES
from agent.push.senders import NAMELESS, Sender, peer
from agent.push.sockets import listen_on, stop_listening

log = logging.getLogger("hostvigil.push")

FILE = "agent.sock"
SPOOL = "spool"
SECONDS = 3.0
"""Longest that one sender may take; a sender that says nothing holds one place of many that long."""
SENDERS = 32
"""At once; more wait in the kernel's queue."""
SPOOL_LIMIT = 10_000
"""Of each user: nobody takes the room of others."""
STALE_SECONDS = 3600.0
"""What lies in the spool for so long and is no message is taken away."""

PAUSE_SECONDS = 1.0
"""After the system refused to take a connection: for want of descriptors or threads, mostly for a moment."""
MOST_COMPLAINTS = 1000
"""Entries of the spool that were complained of once are remembered, so many at the most."""

Take = Callable[[bytes, bool, Sender], str]
"""Takes a line, which waited in the spool or not, and returns once it is written; an answer says why it is not."""
Trouble = Callable[[str], None]
"""Told what keeps results out; empty when nothing does any more. Only changes are told."""


class UnixListener:
    """Listens until `close`, whatever the system refuses meanwhile: senders are late then, not shut out.

    The main thread opens and closes it; it has a thread that accepts, one a sender, and one for the spool.
    """

    def __init__(self, address: Path, spool: Path, take: Take, trouble: Trouble = lambda text: None) -> None:
        self._spool = spool
        self._take = take
        self._tell = trouble
        self._trouble = ""
        self._places = threading.BoundedSemaphore(SENDERS)
        self._spooling = threading.Lock()
        self._complaints: set[str] = set()
        self._closed = threading.Event()
        self._address = address
        self._socket = listen_on(address, mode=0o660, backlog=128)

    def start(self) -> None:
        threading.Thread(target=self._listen, name="inbox", daemon=True).start()
        self.look_again()

    def is_reachable(self) -> bool:
        """Tell whether there is still a socket where senders look."""
        try:
            return stat.S_ISSOCK(self._address.lstat().st_mode)
        except OSError:
            return False

    def close(self) -> None:
        self._closed.set()
        stop_listening(self._socket, self._address)

    def look_again(self) -> None:
        """Take what waited for another configuration."""
        threading.Thread(target=self.empty_spool, name="spool", daemon=True).start()

    def empty_spool(self) -> None:
        """Take what was pushed while nobody listened, in the order of its time."""
        with self._spooling:
            for file in list_spool(self._spool):
                if not self._take_file(file):
                    return
            sweep(self._spool, time.time())

    def _take_file(self, file: Path) -> bool:
        """Return False when it cannot be taken now and nothing behind it either."""
        try:
            line, sender = read_spool_file(file)
            refusal = self._take(line, True, sender)
        except NotAFile:
            self._say_once(file, "not a regular file; it is removed")
            _remove(file)
            return True
        except OSError as error:
            self._say_once(file, error.strerror or str(error))
            return True
        if refusal == BUSY:
            return False
        if refusal in (LATER, NAMELESS):
            return True
        if refusal:
            log.error("%s: %s; it is dropped", format_path(file), refusal)
        file.unlink(missing_ok=True)
        return True

    def _say_once(self, file: Path, why: str) -> None:
        if file.name not in self._complaints and len(self._complaints) < MOST_COMPLAINTS:
            self._complaints.add(file.name)
            log.error("%s cannot be read: %s", format_path(file), why)

    def _listen(self) -> None:
        while not self._closed.is_set():
            self._places.acquire()
            try:
                connection, _ = self._socket.accept()
                self._hand_on(connection)
            except (OSError, RuntimeError) as error:
                self._places.release()
                if not self._closed.is_set():
                    self._now(f"results cannot be taken just now: {getattr(error, 'strerror', None) or error}")
                    self._closed.wait(PAUSE_SECONDS)
            else:
                self._now("")

    def _hand_on(self, connection: socket.socket) -> None:
        try:
            threading.Thread(target=self._serve, args=(connection,), name="sender", daemon=True).start()
        except RuntimeError:  # no more threads
            connection.close()
            raise

    def _now(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                log.error("%s", trouble)
            self._tell(trouble)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                answer = self._answer(connection)
                connection.sendall((answer or "ok").encode(errors="replace") + b"\n")
        except OSError as error:
            log.info("a sender went away: %s", error)
        finally:
            self._places.release()

    def _answer(self, connection: socket.socket) -> str:
        try:
            line = receive(connection, time.monotonic() + SECONDS)
        except BadLine as error:
            return str(error)
        if line != NUDGE:
            return self._take(line, False, peer(connection))
        self.empty_spool()
        return ""


class NotAFile(Exception):
    """What lies in the spool is a link, a pipe, a folder: nobody who wants to push a result put it there."""


class BadLine(Exception):
    """What a sender said was no line: the text says why."""


BUSY = "the agent cannot write just now"
LATER = "the agent cannot read all of its configuration just now"
"""The check may be in what it cannot read: what waits for it goes on waiting, and holds up nothing behind it."""
NUDGE = b"spool"
"""Sent by who has just spooled something: the agent may have come up in the same moment."""


def receive(connection: socket.socket, until: float) -> bytes:
    """Read one line; BadLine when it is too long or does not come in time, `until` in monotonic seconds."""
    parts = b""
    while b"\n" not in parts:
        connection.settimeout(max(0.001, until - time.monotonic()))
        try:
            part = connection.recv(MOST_BYTES)
        except TimeoutError:
            raise BadLine(f"no whole line within {SECONDS:g}s") from None
        parts += part
        if len(parts) > MOST_BYTES:
            raise BadLine(f"longer than {MOST_BYTES} bytes")
        if not part:
            break
    return parts.strip()


def read_spool_file(file: Path) -> tuple[bytes, Sender]:
    """Return what somebody left in the spool, and whose file it is; NotAFile for what is none.

    The group writes here, and we can read more than the group.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):  # a link, a socket, a folder
            raise NotAFile from None
        raise
    try:
        info = os.fstat(descriptor)
        # Whoever spools makes a file of his own; a hard link would have him speak as another.
        if not stat.S_ISREG(info.st_mode) or info.st_nlink != 1:
            raise NotAFile
        return os.read(descriptor, MOST_BYTES), Sender(info.st_uid)
    finally:
        os.close(descriptor)


def _remove(file: Path) -> None:
    """Take away what is no file, or it would use up the room of others; a full folder gets out of the way."""
    with contextlib.suppress(OSError):
        if not stat.S_ISDIR(file.lstat().st_mode):
            file.unlink()
            return
        try:
            file.rmdir()
        except OSError:
            file.rename(file.with_suffix(".set-aside"))


def sweep(spool: Path, now: float) -> None:
    """Take away what is no message and has lain there for long: half of one, or what somebody filled the spool with.

    `now` in Unix seconds.
    """
    with contextlib.suppress(OSError), os.scandir(spool) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                info = entry.stat(follow_symlinks=False)
                if not entry.name.endswith(".json") and now - info.st_mtime > STALE_SECONDS:
                    _remove(Path(entry.path))


def format_path(file: Path) -> str:
    """Return a path for the log: others choose names in the spool."""
    return one_line(str(file), 300)


def list_spool(spool: Path) -> list[Path]:
    """Return the spooled messages, the oldest first."""
    try:
        return sorted(file for file in spool.iterdir() if file.suffix == ".json")
    except OSError:
        return []
