"""The sender's end: to the agent, else into its spool; never raises where a job must go on."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from pathlib import Path

import msgspec

from agent.push.listener import BUSY, FILE, NUDGE, SPOOL, SPOOLED_AT_MOST, reachable, spooled
from agent.push.message import Message, encoded, stamped

SECONDS = 6


class NotPushed(Exception):
    """The message reached nobody: the text says why, and what to do."""


def address(state: Path) -> Path:
    """Return where the agent listens: systemd's runtime directory when it is used, else the state directory."""
    shared = Path("/run/hostvigil") / FILE
    return shared if state == Path("/var/lib/hostvigil") and shared.parent.is_dir() else state / FILE


def push(message: Message, state: Path) -> str:
    """Hand a message over; returns how: `taken` or `spooled`. NotPushed when neither can be done."""
    message = stamped(message)
    try:
        answer = _sent(encoded(message), address(state))
    except OSError as error:
        _spool(message, state / SPOOL, error)
        with contextlib.suppress(OSError):
            _sent(NUDGE + b"\n", address(state))
        return "spooled"
    if answer == BUSY:
        _spool(message, state / SPOOL, OSError(BUSY))
        return "spooled"
    if answer != "ok":
        raise NotPushed(answer or "the agent went away without an answer")
    return "taken"


def _sent(line: bytes, to: Path) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, reachable(to) as path:
        # Not settimeout(): with it, connect() fails at once when the agent's queue is full, instead of waiting.
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            client.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", SECONDS, 0))
        client.connect(path)
        client.sendall(line)
        answer = client.recv(4096)
        while answer and not answer.endswith(b"\n"):
            answer += client.recv(4096)
    return answer.decode(errors="replace").strip()


def _spool(message: Message, spool: Path, cause: OSError) -> None:
    """Leave the message where the agent finds it when it starts, whole or not at all."""
    name = f"{message.at:015d}-{time.monotonic_ns()}-{os.getpid()}"
    try:
        if len(spooled(spool)) >= SPOOLED_AT_MOST:
            raise NotPushed(f"the agent does not answer ({cause}), and its spool {spool} is full")
        fresh = spool / f"{name}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as out:
            # Root gives it to the agent; a member of the agent's group lets the group read it.
            owner = spool.stat()
            with contextlib.suppress(PermissionError):  # our own directory, of a group that is not ours
                os.fchown(out.fileno(), owner.st_uid if os.geteuid() == 0 else -1, owner.st_gid)
            os.fchmod(out.fileno(), 0o640)
            out.write(msgspec.json.encode(message))
            out.flush()
            os.fsync(out.fileno())
        fresh.rename(spool / f"{name}.json")
    except OSError as error:
        who = " (root and members of the agent's group may)" if isinstance(error, PermissionError) else ""
        reason = f"its spool {spool} cannot be written: {error.strerror}{who}"
        raise NotPushed(f"the agent does not answer ({cause.strerror or cause}), and {reason}") from None
