"""One agent a state directory: the lock, and who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from datetime import datetime
from pathlib import Path

import msgspec

from agent.store.rows import Holder, StoreError

LOCK = "agent.lock"


def lock(directory: Path) -> int:
    """Take the directory for this process and return the open file that holds it; StoreError says who has it."""
    file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held = _holder(file)
        os.close(file)
        raise StoreError(f"{directory} is in use by another hostvigil{_described(held)}") from None
    os.ftruncate(file, 0)
    os.pwrite(file, msgspec.json.encode(Holder(os.getpid(), time.time_ns() // 1_000_000)), 0)
    return file


def holder(directory: Path) -> Holder | None:
    """Return the agent that works on the directory now, None when none does."""
    try:
        file = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # A shared lock: two who ask at once do not take each other for the agent.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(file)
    finally:
        os.close(file)
    return None


def _holder(file: int) -> Holder | None:
    # Empty for the moment between another's lock and its first write.
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(os.pread(file, 1000, 0), type=Holder)
    return None


def _described(held: Holder | None) -> str:
    if held is None:
        return ""
    since = datetime.fromtimestamp(held.since / 1000).astimezone()
    return f" (process {held.pid}, since {since:%Y-%m-%d %H:%M:%S})"
