"""One agent a state directory: the lock, and who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from datetime import datetime
from pathlib import Path

import msgspec

from agent.store.rows import Holder, StoreError

LOCK = "agent.lock"
LOCKS = Path("/proc/locks")
FILES = ("hostvigil.db", "hostvigil.db-wal", "hostvigil.db-shm", "hostvigil.db-journal", LOCK)
"""What the agent opens and writes here."""

PATIENCE_SECONDS = 1.0
"""Others than agents hold the lock for a moment: a command that asks who works here, and what an agent that was killed
was just about to start, until it is another program."""

STEP_SECONDS = 0.02
"""Between tries: flock(2) waits for ever, or not at all."""


def lock(directory: Path, patience: float = PATIENCE_SECONDS) -> int:
    """Take the directory for this process, within `patience` seconds, and return the open file that holds it.

    StoreError says who has it, or what in the directory an agent must not trust.
    """
    require_safe(directory)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(directory / LOCK, flags, 0o600)
    if not _acquire(file, time.monotonic() + patience):
        owner = _holder(file)
        os.close(file)
        raise StoreError(f"{directory} is in use by another hostvigil{_describe(owner)}")
    # In this order it needs no more room than there was: the disk may be full.
    os.ftruncate(file, os.pwrite(file, msgspec.json.encode(Holder(os.getpid(), time.time_ns() // 1_000_000)), 0))
    return file


def _acquire(file: int, until: float) -> bool:
    """Take the lock; False where another still has it at that moment of the monotonic clock."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(STEP_SECONDS)
        else:
            return True


def require_safe(directory: Path) -> None:
    """StoreError where somebody else could lead an agent of root, or where a file of ours is none."""
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            mode = (directory / name).lstat().st_mode
            # A folder in the database's place is damage like any other: it is set aside.
            if not stat.S_ISREG(mode) and not (name == FILES[0] and stat.S_ISDIR(mode)):
                raise StoreError(f"{directory / name} is not a regular file: move it away")
    folder = directory.stat()
    if os.geteuid() == 0 and folder.st_uid != 0:
        who = f"user {folder.st_uid}"
        raise StoreError(f"{directory} belongs to {who}: run the agent as that user, or chown root {directory}")
    if os.geteuid() == 0 and folder.st_mode & 0o022:
        raise StoreError(f"others than root may write {directory}: chmod go-w {directory}")


def holder(directory: Path) -> Holder | None:
    """Return the agent that works on the directory now, None when none does."""
    try:
        file = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        # A shared lock: two who ask at once do not take each other for the agent.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        agent = _holder(file)
        return agent if agent and _holds(agent.pid, os.fstat(file).st_ino) else None
    finally:
        os.close(file)
    return None


def _holds(pid: int, inode: int) -> bool:
    """Tell whether it is this process that holds the lock: the file may say what it likes, the kernel knows.

    Where the kernel does not tell (macOS, another namespace of processes), the file is believed.
    """
    try:
        locks = [line.split() for line in LOCKS.read_text().splitlines()]
    except OSError:
        return True
    # A line: `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`; 5678 is the inode. 0 and -1 are processes out of sight.
    flocks = [fields for fields in locks if len(fields) > 5 and fields[1] == "FLOCK"]
    holders = {fields[4] for fields in flocks if fields[5].rpartition(":")[2] == str(inode)}
    return str(pid) in holders or not holders - {"0", "-1"}


def _holder(file: int) -> Holder | None:
    # Empty for the moment between another's lock and its first write.
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(os.pread(file, 1000, 0), type=Holder)
    return None


def _describe(owner: Holder | None) -> str:
    if owner is None:
        return ""
    try:
        since = datetime.fromtimestamp(owner.since / 1000).astimezone()
    except (OverflowError, ValueError, OSError):  # who holds it has written what he likes
        return f" (process {owner.pid})"
    return f" (process {owner.pid}, since {since:%Y-%m-%d %H:%M:%S})"
