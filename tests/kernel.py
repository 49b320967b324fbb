"""Real mounts for tests, in a mount namespace of their own, so that nobody else on the machine sees them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE, MS_SHARED = 1, 32, 4096, 16384, 1 << 18, 1 << 19, 1 << 20
MNT_DETACH = 2
CLONE_NEWNS, CLONE_FS = 0x20000, 0x200


def _done(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source: str, target: Path, kind: str = "", flags: int = 0, options: str = "") -> Path:
    target.mkdir(parents=True, exist_ok=True)
    _done(LIBC.mount(source.encode(), os.fsencode(target), kind.encode(), flags, options.encode()))
    return target


def unmount(target: Path) -> None:
    _done(LIBC.umount2(os.fsencode(target), MNT_DETACH))


def change(target: Path, flags: int) -> None:
    """Change how something is mounted: read-only, private, slave."""
    _done(LIBC.mount(None, os.fsencode(target), None, flags, None))


@contextmanager
def own_mounts(kind: int = MS_PRIVATE) -> Iterator[None]:
    """Give the main thread, and all it starts, mounts of its own; what is mounted inside is gone afterwards."""
    home, here = os.open("/proc/self/ns/mnt", os.O_RDONLY), Path.cwd()
    try:
        _done(LIBC.unshare(CLONE_NEWNS))
        change(Path("/"), MS_REC | kind)
        yield
    finally:
        # A thread that is just ending still shares our root directory, and setns refuses while anybody does.
        _done(LIBC.unshare(CLONE_FS))
        _done(LIBC.setns(home, CLONE_NEWNS))
        os.chdir(here)
        os.close(home)


@contextmanager
def never_answering(target: Path) -> Iterator[Path]:
    """Mount a FUSE filesystem whose server never says a word, as a dead NFS server would not."""
    server = os.open("/dev/fuse", os.O_RDWR)
    try:
        yield mount("dead", target, "fuse", options=f"fd={server},rootmode=40000,user_id=0,group_id=0,allow_other")
    finally:
        unmount(target)
        os.close(server)


@contextmanager
def dead_server(target: Path) -> Iterator[Path]:
    """Mount a FUSE filesystem whose server has gone away."""
    server = os.open("/dev/fuse", os.O_RDWR)
    mount("dead", target, "fuse", options=f"fd={server},rootmode=40000,user_id=0,group_id=0,allow_other")
    os.close(server)
    yield target
    unmount(target)
