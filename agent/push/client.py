"""The sender's end: to the agent, else into its spool; never raises where a job must go on."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.config.files.probe import Mounts
from agent.plugin.text import one_line
from agent.push.control import FILE as CONTROL
from agent.push.listener import BUSY, FILE, LATER, NUDGE, SPOOL, SPOOL_LIMIT
from agent.push.message import Message, encode, prepare
from agent.push.senders import NAMELESS
from agent.push.sockets import open_socket, read_line
from agent.system.frozen import FROZEN, takes_writes
from agent.system.rights import owner_of, owners_rights

SECONDS = 4.5
"""For the agent's answer, connection included; it says itself that it is busy before that."""
NUDGE_SECONDS = 0.3
SPOOL_SECONDS = 1.0
"""For a spool that takes no writes."""
MOST_ANSWER = 4096


class PushError(Exception):
    """The message reached nobody: the text says why, and what to do."""


def address(state: Path) -> Path:
    """Return where the agent listens: systemd's runtime directory when it is used, else the state directory."""
    runtime = Path("/run/hostvigil") / FILE
    return runtime if state == Path("/var/lib/hostvigil") and runtime.parent.is_dir() else state / FILE


def push(message: Message, state: Path) -> str:
    """Hand a message over; returns how: `taken`, or `spooled` for an agent that is not there, `waiting` for one that
    is busy or stands still. PushError when neither can be done.

    What lies at the places of socket and spool may be anything: it takes `SECONDS` or a little more, and root does
    nothing there that the owner of the directory could not do himself.
    """
    message = prepare(message)
    _require_answer(state)
    try:
        answer = _exchange(encode(message), address(state), SECONDS)
    except OSError as error:
        if _is_at_work(state) and not (state / SPOOL).exists():
            raise PushError(
                f"no pushed check called {message.check} is at work; if it is new: hostvigil reload"
            ) from None
        _spool(message, state / SPOOL, error)
        with contextlib.suppress(OSError):
            _exchange(NUDGE + b"\n", address(state), NUDGE_SECONDS)
        return "waiting" if isinstance(error, TimeoutError | BlockingIOError) else "spooled"
    if answer in (BUSY, LATER, NAMELESS):
        _spool(message, state / SPOOL, OSError(answer))
        return "waiting"
    if answer != "ok":
        raise PushError(answer or "the agent went away without an answer")
    return "taken"


def _require_answer(state: Path) -> None:
    """PushError where the directory lies on a mount that hangs: who touches it would wait for ever."""
    if not Mounts().may_hang(str(state)):
        return
    from agent.config.files.patience import SILENT, answers  # 10 ms that most jobs need not pay

    if not answers(state, SECONDS):
        raise PushError(f"{state} {SILENT}")


def _is_at_work(state: Path) -> bool:
    """Tell whether an agent has made its control socket, which every agent does; one that was killed leaves it."""
    try:
        return stat.S_ISSOCK((state / CONTROL).lstat().st_mode)
    except OSError:
        return False


def _exchange(line: bytes, to: Path, seconds: float) -> str:
    """Say a line and return the answer; root speaks to no other's socket. OSError where that cannot be done."""
    until = time.monotonic() + seconds

    def require_owner(info: os.stat_result) -> None:
        if os.geteuid() == 0 and info.st_uid != owner_of(to.parent)[0]:
            raise OSError(errno.EPERM, "it is another user's socket")

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, open_socket(to, require_owner) as path:
        # Not settimeout(): with it, connect() fails at once when the agent's queue is full, instead of waiting.
        wait = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
        client.connect(path)
        client.settimeout(seconds)
        client.sendall(line)
        answer = read_line(client, MOST_ANSWER, until)
    return one_line(answer.decode(errors="replace"), MOST_ANSWER)


def _spool(message: Message, spool: Path, cause: OSError) -> None:
    """Leave the message where the agent finds it when it starts, whole or not at all."""
    name = f"{message.at:015d}-{time.monotonic_ns()}-{os.getpid()}"
    if not takes_writes(spool, SPOOL_SECONDS):
        raise PushError(f"the agent does not answer ({cause.strerror or cause}), and its spool {spool} {FROZEN}")
    try:
        with _open_folder(spool) as folder, owners_rights(spool):
            if _is_full(folder):
                raise PushError(f"the agent does not answer ({cause}), and its spool {spool} is full")
            _write(folder, name, msgspec.json.encode(message))
    except FileNotFoundError:
        raise PushError(
            f"the agent does not answer, and {spool} is not there: has it run with this state directory?"
        ) from None
    except OSError as error:
        who = " (root and members of the agent's group may)" if isinstance(error, PermissionError) else ""
        reason = f"its spool {spool} cannot be written: {error.strerror}{who}"
        raise PushError(f"the agent does not answer ({cause.strerror or cause}), and {reason}") from None


@contextlib.contextmanager
def _open_folder(spool: Path) -> Iterator[int]:
    """Open the folder itself, not what a link in its place leads to: names are looked up in it from here on."""
    folder = os.open(spool, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


def _is_full(folder: int) -> bool:
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        user = os.geteuid()
        with os.scandir(descriptor) as entries:
            ours = (entry for entry in entries if entry.stat(follow_symlinks=False).st_uid == user)
            return any(number >= SPOOL_LIMIT for number, _ in enumerate(ours, 1))
    finally:
        os.close(descriptor)


def _write(folder: int, name: str, content: bytes) -> None:
    """Write under another name and rename it when it is whole; owner and group of the spool may read it."""
    owner = os.fstat(folder)
    fresh = os.open(f"{name}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640, dir_fd=folder)
    with os.fdopen(fresh, "wb") as out:
        with contextlib.suppress(PermissionError):  # our own directory, of a group that is not ours
            os.fchown(fresh, -1, owner.st_gid)
        os.fchmod(fresh, 0o640)
        out.write(content)
        out.flush()
        os.fsync(fresh)
    os.rename(f"{name}.new", f"{name}.json", src_dir_fd=folder, dst_dir_fd=folder)
